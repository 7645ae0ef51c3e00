//! The loop: decide what is ready, start what there is room for, wait for one message, repeat.
//!
//! Events and results pass through this one thread, so their order is one order. Stages are computed
//! in threads of their own (`attempt`), in other processes (`exec`); what takes long to show is shown in
//! threads, too.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, Sender},
    },
    thread::Scope,
    time::{Duration, Instant},
};

use crate::engine::{
    plan::planner::{Decision, Made, Planner, ToRun},
    run::{
        attempt::{Attempt, Done, Failed, Message, Shared, Shown},
        resources::{Grant, Request, Resources},
        states::{Lane, State, States},
        task,
    },
    tell::{
        event::{Event, FailedStage, FinishedStage, Observer, Summary, SweepRun},
        require::{Demand, Results},
        show::Show,
        together::Together,
    },
};
use crate::{
    digest::Digest,
    pipeline::Source,
    stages::DeviceChoice,
    store::{ActionRecord, Hold, KeyLock, StoredArtifact},
};

/// One run of a pipeline.
pub(in crate::engine) struct Run<'a, 'o> {
    pub(in crate::engine) planner: &'a Planner<'a>,
    pub(in crate::engine) shared: &'a Shared<'a>,
    pub(in crate::engine) show: &'a Show<'a>,
    /// What the run has to reach.
    pub(in crate::engine) demands: &'a [Demand],
    pub(in crate::engine) settings: task::Settings,
    pub(in crate::engine) observer: &'o mut dyn Observer,
    pub(in crate::engine) resources: Resources,
    pub(in crate::engine) keep_going: bool,
    /// The sweep, where it is one.
    pub(in crate::engine) sweep: Option<SweepRun>,
    /// The stages in scope, each after what it needs.
    pub(in crate::engine) order: Vec<usize>,
    pub(in crate::engine) states: States,
    pub(in crate::engine) made: Vec<Option<Made>>,
    /// What stages had made that are being computed, or looked up, once more.
    pub(in crate::engine) before: Vec<Option<Made>>,
    /// Stages whose result is in the store without its bytes, which another stage needs.
    pub(in crate::engine) bytes_needed: Vec<bool>,
    /// Stages that are done with what the plan found.
    pub(in crate::engine) taken: Vec<bool>,
    pub(in crate::engine) finished: Vec<FinishedStage>,
    pub(in crate::engine) failed: Vec<FailedStage>,
    /// Stages of which the user was told that another run computes them.
    pub(in crate::engine) told_to_wait: Vec<bool>,
    /// Results that wait to be shown in a thread.
    pub(in crate::engine) to_show: VecDeque<(usize, Done)>,
    /// How many are being shown.
    pub(in crate::engine) showing: usize,
}

/// How often the loop looks whether the user stopped it, and whether other runs have given keys back.
const PATIENCE: Duration = Duration::from_millis(50);

impl<'a> Run<'a, '_> {
    /// Runs until nothing is left that can run. The gate has been held since what the planner remembers was
    /// found.
    pub(in crate::engine) fn run(mut self, started: Instant, hold: Hold<'a>) -> Summary {
        let (send, receive) = mpsc::channel();
        let shared = self.shared;
        let mut held = Some(hold);
        std::thread::scope(|threads| {
            loop {
                // What is found in the store stays there while the gate is held, and after that because it
                // is claimed.
                let hold = held.take().unwrap_or_else(|| shared.lease.hold());
                self.look_at_locked();
                self.settle();
                while self.start(threads, &send) {}
                self.show_results(threads, &send);
                if !self.goes_on() {
                    break;
                }
                hold.release();
                self.wait(&receive);
            }
        });
        self.end(started)
    }

    /// Decides about every stage whose inputs are there, as often as that makes others ready.
    fn settle(&mut self) {
        while let Some(stage) = self.states.next_open() {
            self.decide(stage);
        }
    }

    fn decide(&mut self, stage: usize) {
        if let Some(record) = self.as_planned(stage) {
            self.shared.lease.claim(&record);
            self.taken[stage] = true;
            return self.finish(stage, Done { record: *record, hit: true });
        }
        let Some(fingerprint) = self.planner.fingerprint(stage, &self.made) else { return };
        match self.planner.decide(stage, fingerprint.clone()) {
            Decision::Cached(_) if self.bytes_needed[stage] => {
                self.queue(stage, Planner::recompute(fingerprint))
            }
            Decision::Cached(record) => {
                self.shared.lease.claim(&record);
                self.finish(stage, Done { record: *record, hit: true });
            }
            Decision::Run(run) => self.queue(stage, run),
        }
    }

    /// The result that the plan found, where all that the stage reads is what the plan found, too: its key need
    /// not be made again.
    fn as_planned(&self, stage: usize) -> Option<Box<ActionRecord>> {
        let taken = |source: &Source| match source {
            Source::Artifact { stage, .. } => self.taken[*stage],
            Source::File(_) => true,
        };
        let inputs = &self.planner.pipeline.stages[stage].inputs;
        let as_planned = !self.bytes_needed[stage] && inputs.iter().all(|input| taken(&input.source));
        as_planned.then(|| self.planner.findings.found(stage)).flatten()
    }

    fn queue(&mut self, stage: usize, run: ToRun) {
        // One that waited for another run has been warned of.
        if let Some(text) = run.warning.as_ref().filter(|_| !self.told_to_wait[stage]) {
            let stage = Some(self.name(stage));
            self.observer.event(&Event::Warning { stage, text: text.clone() });
        }
        self.states.queue(stage, run, self.lane(&self.request(stage)));
    }

    /// Starts what there is room for, in order: a stage that waits for all cores is not overtaken by
    /// those that want fewer; those that want a GPU pass. True if makers of lost bytes were sent to work
    /// again: then there is more to start.
    fn start<'scope>(&mut self, threads: &'scope Scope<'scope, 'a>, send: &Sender<Message>) -> bool
    where
        'a: 'scope,
    {
        if !self.may_start() {
            return false;
        }
        // Once cores are wanted, only those that want a GPU are looked at.
        let (mut from, mut lane, mut reopened) = (0, None, false);
        while !self.resources.all_jobs_taken()
            && let Some((place, stage)) = self.states.next_queued(from, lane)
        {
            from = place + 1;
            let request = self.request(stage);
            match self.resources.take(request) {
                Some(grant) if self.waits_for_bytes(stage) => {
                    self.resources.give_back(&grant);
                    reopened = true;
                }
                // A stage that waits for another run's lock keeps nothing from others.
                Some(grant) => match self.lock(stage) {
                    Some(lock) => self.launch(stage, grant, lock, threads, send),
                    None => self.resources.give_back(&grant),
                },
                None if self.lane(&request) == Lane::Cores => lane = Some(Lane::Gpus),
                None => {}
            }
        }
        reopened
    }

    /// Whether there is anything to wait for.
    fn goes_on(&self) -> bool {
        self.states.anything_runs() || (self.may_start() && self.states.anything_is_locked())
    }

    /// Whether anything more may start.
    fn may_start(&self) -> bool {
        !self.shared.stopped.load(Ordering::SeqCst) && (self.failed.is_empty() || self.keep_going)
    }

    fn lane(&self, request: &Request) -> Lane {
        let on_cpu = matches!(request.device, None | Some(DeviceChoice::Cpu)) || !self.resources.has_gpus();
        if on_cpu { Lane::Cores } else { Lane::Gpus }
    }

    fn request(&self, stage: usize) -> Request {
        task::request(self.planner.pipeline, stage, &self.settings)
    }

    /// Sends the makers of inputs whose bytes are not here to work again; true if the stage has to wait for
    /// one.
    fn waits_for_bytes(&mut self, stage: usize) -> bool {
        let mut waits = false;
        for input in &self.planner.pipeline.stages[stage].inputs {
            let Source::Artifact { stage: maker, artifact } = &input.source else { continue };
            let maker = *maker;
            // One that has made nothing yet was sent to work again for another stage: once is enough.
            let made = self.made[maker].as_ref().map(|made| made.get(artifact.as_ref()));
            let is_here = |made: &StoredArtifact| self.shared.store.has(&made.digest);
            if made.is_some_and(|made| made.is_some_and(is_here)) {
                continue;
            }
            if made.is_some() {
                self.bytes_needed[maker] = true;
                self.reopen(maker);
            }
            waits = true;
        }
        if waits {
            self.states.set(stage, State::Waiting);
            self.settle();
        }
        waits
    }

    /// A stage is decided about once more. What it had made is what its readers have read; whoever is queued
    /// to read it waits for it again.
    fn reopen(&mut self, stage: usize) {
        if let Some(made) = self.made[stage].take() {
            self.before[stage] = Some(made);
        }
        self.taken[stage] = false;
        let name = self.name(stage);
        self.finished.retain(|finished| finished.stage != name);
        self.states.set(stage, State::Waiting);
        for next in self.planner.pipeline.graph.feeds(stage) {
            if matches!(self.states[next], State::Queued(_)) {
                self.states.set(next, State::Waiting);
            }
        }
    }

    fn launch<'scope>(
        &mut self,
        stage: usize,
        grant: Grant,
        lock: KeyLock,
        threads: &'scope Scope<'scope, 'a>,
        send: &Sender<Message>,
    ) where
        'a: 'scope,
    {
        let State::Queued(run) = self.states.set(stage, State::Running(grant.clone())) else { return };
        self.shared.lease.claim_key(&run.fingerprint.key());
        let node = &self.planner.pipeline.stages[stage];
        let task = task::task(node, &self.settings, &grant, &self.made, self.planner);
        let sources = task::sources(node);
        let retry = self.settings.of(&node.stage).retry;
        self.observer.event(&Event::Started { stage: node.name.to_string(), why: run.why.to_string() });
        let attempt =
            Attempt { index: stage, node, run: *run, lock, task, retry, sources, send: send.clone() };
        let shared = self.shared;
        threads.spawn(move || attempt.run(shared));
    }

    fn wait(&mut self, receive: &Receiver<Message>) {
        match receive.recv_timeout(PATIENCE) {
            Ok(message) => self.take(message),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        if self.shared.stopped.load(Ordering::SeqCst) {
            for stage in self.states.running() {
                self.shared.executor.cancel(&self.name(stage));
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Progress(stage, progress) => {
                let stage = self.name(stage);
                self.observer.event(&Event::Progress { stage, progress });
            }
            Message::Warning(stage, text) => {
                let stage = Some(self.name(stage));
                self.observer.event(&Event::Warning { stage, text });
            }
            Message::Done(stage, result) => {
                if let State::Running(grant) = &self.states[stage] {
                    self.resources.give_back(grant);
                }
                match result {
                    Ok(done) if self.is_outdated(stage, &done.record.key) => self.reopen(stage),
                    Ok(done) => self.finish(stage, *done),
                    Err(failed) => self.fail(stage, failed),
                }
            }
            Message::Shown(shown) => {
                self.showing -= 1;
                match self.is_outdated(shown.stage, &shown.done.record.key) {
                    true => self.reopen(shown.stage),
                    false => self.shown(*shown),
                }
            }
        }
    }

    /// A result is shown: what reads it may begin.
    pub(super) fn shown(&mut self, shown: Shown) {
        let Shown { stage, done: Done { record, hit }, folder, warnings } = shown;
        for text in warnings {
            self.observer.event(&Event::Warning { stage: Some(self.name(stage)), text });
        }
        let finished = Show::told(&self.name(stage), &record, hit, folder);
        self.note_latest(stage, &record);
        self.reset_what_changed(stage, &record);
        self.made[stage] = Some(record.artifacts);
        self.states.set(stage, State::Done);
        self.planner.pipeline.graph.feeds(stage).for_each(|next| self.states.look_at(next));
        self.bytes_needed[stage] = false;
        let event = Event::Finished(finished);
        self.observer.event(&event);
        if let Event::Finished(finished) = event {
            self.finished.push(finished);
        }
    }

    /// What "why does it run?" compares with the next time. Failing that costs an explanation.
    fn note_latest(&self, stage: usize, record: &ActionRecord) {
        let noted =
            self.shared.store.note_latest(&self.planner.pipeline.name, &self.name(stage), &record.key);
        if let Err(error) = noted {
            tracing::debug!("{}: {error}", self.name(stage));
        }
    }

    /// What has read of a stage that was computed again, and came out otherwise, is decided about again.
    fn reset_what_changed(&mut self, stage: usize, record: &ActionRecord) {
        let Some(before) = self.before[stage].take() else { return };
        let digest = |made: &Made, artifact: &str| made.get(artifact).map(|artifact| artifact.digest);
        let feeds: Vec<usize> = self.planner.pipeline.graph.feeds(stage).collect();
        for next in feeds {
            let reads_other = self.planner.pipeline.stages[next].inputs.iter().any(|input| {
                matches!(&input.source, Source::Artifact { stage: maker, artifact } if *maker == stage
                    && digest(&before, artifact) != digest(&record.artifacts, artifact))
            });
            if reads_other && matches!(self.states[next], State::Done) {
                self.reopen(next);
            }
        }
    }

    /// Whether what a stage has read while it ran has come out otherwise meanwhile.
    fn is_outdated(&self, stage: usize, key: &Digest) -> bool {
        self.planner.fingerprint(stage, &self.made).is_some_and(|now| now.key() != *key)
    }

    pub(super) fn fail(&mut self, stage: usize, failed: Failed) {
        self.states.set(stage, State::Failed);
        if self.shared.stopped.load(Ordering::SeqCst) {
            return; // It did not fail: it was stopped.
        }
        if let Some((goes_on, path)) = self.shared.goes_on.zip(failed.changed.as_deref()) {
            return self.start_over(stage, goes_on, path);
        }
        let name = self.name(stage);
        let Failed { failure, log, .. } = failed;
        let key = self.planner.fingerprint(stage, &self.made).map(|fingerprint| fingerprint.key().hex());
        let failed =
            FailedStage { stage: name.clone(), key, class: failure.class, message: failure.message, log };
        self.observer.event(&Event::Failed(failed.clone()));
        self.failed.push(failed);
        self.block(stage, &name);
    }

    /// A source changed under a stage: it did not fail, and the run after this one computes it with the new one.
    fn start_over(&mut self, stage: usize, goes_on: &AtomicBool, path: &Path) {
        goes_on.store(true, Ordering::SeqCst);
        let text = format!(
            "{} changed while this was computed from it: it is computed again with the new one",
            path.display()
        );
        self.observer.event(&Event::Warning { stage: Some(self.name(stage)), text });
    }

    /// Whatever waits for a stage that failed, directly or not, cannot run.
    fn block(&mut self, stage: usize, by: &str) {
        let feeds = |stage| self.planner.pipeline.graph.feeds(stage);
        let mut blocked: Vec<usize> = feeds(stage).collect();
        while let Some(next) = blocked.pop() {
            if matches!(self.states[next], State::Waiting) {
                self.states.set(next, State::Blocked);
                let stage = self.planner.pipeline.stages[next].name.to_string();
                self.observer.event(&Event::Blocked { stage, by: by.to_owned() });
                blocked.extend(feeds(next));
            }
        }
    }

    pub(super) fn name(&self, stage: usize) -> String {
        self.planner.pipeline.stages[stage].name.to_string()
    }

    fn end(mut self, started: Instant) -> Summary {
        if let Err(text) = self.show.forget_others() {
            self.observer.event(&Event::Warning { stage: None, text });
        }
        self.shared.store.remember();
        let pipeline = self.planner.pipeline;
        let folder = self.show.folder();
        let Together { repeats, trials, warnings } =
            Together::of(pipeline, &self.order, &self.finished, &self.failed, folder);
        for text in warnings {
            self.observer.event(&Event::Warning { stage: None, text });
        }
        let store = self.shared.store;
        let results = Results { pipeline, store, finished: &self.finished, made: &self.made };
        let required = results.verdicts(self.demands);
        for verdict in &required {
            self.observer.event(&Event::Required(verdict.clone()));
        }
        let not_run = |state: &State| !matches!(state, State::Done | State::Failed | State::Out);
        let goes_on = self.shared.goes_on.is_some_and(|goes_on| goes_on.load(Ordering::SeqCst));
        let interrupted = goes_on || self.shared.stopped.load(Ordering::SeqCst);
        let left = self.order.iter().filter(|stage| {
            not_run(&self.states[**stage]) || (interrupted && matches!(self.states[**stage], State::Failed))
        });
        let summary = Summary {
            pipeline: self.planner.pipeline.name.clone(),
            not_run: left.map(|stage| self.name(*stage)).collect(),
            finished: std::mem::take(&mut self.finished),
            failed: std::mem::take(&mut self.failed),
            interrupted,
            seconds: started.elapsed().as_secs_f64(),
            out: self.show.shown(),
            repeats,
            sweep: self.sweep.take(),
            trials,
            would_run: Vec::new(),
            required,
        };
        // Told as it is, not as a copy: of many stages it is long.
        let event = Event::Ended(summary);
        self.observer.event(&event);
        let Event::Ended(summary) = event else { unreachable!("it is what it was made") };
        summary
    }
}
