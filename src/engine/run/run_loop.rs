//! The loop of a run: decide what is ready, start what there are resources for, wait for a message, repeat.
//!
//! All events and results pass through this one thread, so they have one order. Stages are computed and shown in
//! other threads (`attempt`, `showing`).

use std::{
    collections::HashSet,
    sync::{
        atomic::Ordering,
        mpsc::{self, Receiver, Sender},
    },
    thread::Scope,
    time::{Duration, Instant},
};

use crate::engine::{
    batch::Rota,
    compute::Work,
    plan::{
        engine::Engine,
        planner::{Decision, Made, Planner, ToRun},
    },
    run::{
        as_job::AsJob,
        attempt::{Attempt, Done, Message, Shared},
        ending::Ending,
        pushing::Pushing,
        resources::{Grant, Request, Resources},
        showing::{Showing, takes_long},
        states::{Lane, State, States},
        task,
    },
    tell::{
        event::{Event, FailedStage, FinishedStage, Observer, Summary},
        job::SubmittedStage,
        running::Running,
    },
};
use crate::{
    digest::Digest,
    pipeline::Source,
    stages::DeviceChoice,
    store::{ActionRecord, Hold, KeyLock},
};

/// One run of a pipeline.
pub(super) struct Run<'s, 'a: 's, 'o> {
    pub(super) engine: &'a Engine<'a>,
    pub(super) planner: &'a Planner<'a>,
    pub(super) shared: &'a Shared<'a>,
    pub(super) observer: &'o mut dyn Observer,
    /// Where attempts run, and how they report.
    pub(super) threads: &'s Scope<'s, 'a>,
    pub(super) send: Sender<Message>,
    showing: Option<Showing>,
    /// Gives turns to the stages that are computed as jobs.
    rota: Rota<'a>,
    /// Keys with jobs of former runs, whose results nobody has seen yet.
    pub(super) unseen: HashSet<Digest>,
    /// `None` if nothing is pushed to a remote store.
    pub(super) pushing: Option<Pushing<'a>>,
    pub(super) resources: Resources,
    pub(super) states: States,
    pub(super) made: Vec<Option<Made>>,
    /// The former artifacts of stages that are decided about again.
    pub(super) before: Vec<Option<Made>>,
    /// Stages whose result is in the store without its bytes, which another stage needs.
    pub(super) bytes_needed: Vec<bool>,
    /// The keys of the stages that are done.
    pub(super) keys: Vec<Option<Digest>>,
    /// Stages that are done with the result that the plan found.
    pub(super) as_planned: Vec<bool>,
    pub(super) finished: Vec<FinishedStage>,
    pub(super) failed: Vec<FailedStage>,
    /// Stages whose jobs go on.
    pub(super) left: Vec<SubmittedStage>,
    /// Stages that were reported as waiting for another run.
    pub(super) has_waited: Vec<bool>,
}

/// How often the loop checks whether the user has stopped it, and whether other runs have unlocked keys.
const INTERVAL: Duration = Duration::from_millis(50);

/// How many messages are taken at once.
const AT_ONCE: usize = 1000;

/// Runs until nothing is left that can run. The gate must have been held since the planner found what it remembers.
pub(super) fn run<'a>(
    engine: &'a Engine<'a>,
    planner: &'a Planner<'a>,
    shared: &'a Shared<'a>,
    observer: &mut dyn Observer,
    started: Instant,
    hold: Hold<'a>,
) -> Summary {
    let (send, receive) = mpsc::channel();
    let count = engine.pipeline.stages.len();
    std::thread::scope(|threads| {
        let mut run = Run {
            engine,
            planner,
            shared,
            observer,
            threads,
            send,
            showing: None,
            rota: Rota::new(shared.stopped),
            unseen: shared.store.keys_of_jobs().into_iter().collect(),
            pushing: Pushing::to(shared.remote),
            resources: Resources::of(shared.executor.capacity(), engine.options.jobs)
                .with_places(engine.most_jobs()),
            states: States::new(count, &engine.order),
            made: vec![None; count],
            before: vec![None; count],
            keys: vec![None; count],
            bytes_needed: vec![false; count],
            as_planned: vec![false; count],
            finished: Vec::with_capacity(engine.order.len()),
            failed: Vec::new(),
            left: Vec::new(),
            has_waited: vec![false; count],
        };
        let mut hold = hold;
        // What is found in the store stays there: first because the gate is held, then because it is claimed.
        while run.step() {
            hold.release();
            run.wait(&receive);
            hold = shared.lease.hold();
        }
        drop(hold);
        run.end(started)
    })
}

impl Run<'_, '_, '_> {
    /// Decides and starts what is possible now; true if there is anything to wait for.
    fn step(&mut self) -> bool {
        self.try_locked();
        self.settle();
        while self.start() {}
        self.goes_on()
    }

    /// Decides about every stage whose inputs exist, including those that become ready by that.
    pub(super) fn settle(&mut self) {
        while let Some(stage) = self.states.next_open() {
            self.decide(stage);
        }
    }

    fn decide(&mut self, stage: usize) {
        if let Some(record) = self.found_by_plan(stage) {
            self.as_planned[stage] = true;
            return self.take_from_store(stage, *record);
        }
        let Some(fingerprint) = self.planner.fingerprint(stage, &self.made) else { return };
        match self.planner.decide(stage, fingerprint.clone()) {
            Decision::Cached(_) if self.bytes_needed[stage] => {
                self.queue(stage, Planner::recompute(fingerprint))
            }
            Decision::Cached(record) => self.take_from_store(stage, *record),
            Decision::Run(run) => self.queue(stage, run),
        }
    }

    /// The result that the plan found, if the stage reads only such results: then its key is not needed again.
    fn found_by_plan(&self, stage: usize) -> Option<Box<ActionRecord>> {
        let inputs = &self.planner.pipeline.stages[stage].inputs;
        let as_planned = !self.bytes_needed[stage]
            && inputs.iter().all(|input| match &input.source {
                Source::Artifact { stage, .. } => self.as_planned[*stage],
                Source::File(_) => true,
            });
        as_planned.then(|| self.planner.findings.found(stage)).flatten()
    }

    fn take_from_store(&mut self, stage: usize, record: ActionRecord) {
        self.shared.lease.claim(&record);
        if takes_long(&record) {
            self.states.set(stage, State::Showing);
            let (threads, shared, send) = (self.threads, self.shared, &self.send);
            let showing = self.showing.get_or_insert_with(|| Showing::start(threads, shared, send.clone()));
            return showing.show(stage, record);
        }
        let folder = self.shared.show.stage(stage, &record, &mut |text| self.warn(stage, text));
        self.finish(stage, Done { record, hit: true, folder });
    }

    fn queue(&mut self, stage: usize, run: ToRun) {
        // A stage that has waited for another run has been queued, and its warning given, before.
        if let Some(text) = run.warning.clone().filter(|_| !self.has_waited[stage]) {
            self.warn(stage, text);
        }
        self.states.queue(stage, run, self.lane(&self.engine.request(stage)));
    }

    /// Starts what there are resources for, in order. A stage that waits for all cores is not overtaken by stages
    /// that need fewer, only by those that need a GPU or that are computed as jobs. True if stages whose bytes were lost were opened again:
    /// then there is more to start.
    fn start(&mut self) -> bool {
        if !self.may_start() {
            return false;
        }
        let (mut from, mut reopened) = (0, false);
        let mut lanes = vec![Lane::Places, Lane::Cores, Lane::Gpus];
        loop {
            if self.resources.all_jobs_taken() {
                lanes.retain(|lane| *lane == Lane::Places);
            }
            let Some((place, stage)) = self.states.next_queued(from, &lanes) else { break };
            from = place + 1;
            let request = self.engine.request(stage);
            match self.resources.take(request) {
                Some(grant) if self.waits_for_bytes(stage) => {
                    self.resources.give_back(&grant);
                    reopened = true;
                }
                // A stage that waits for another run holds no resources.
                Some(grant) if grant.as_job => self.launch(stage, grant, None),
                Some(grant) => match self.lock(stage) {
                    Some(lock) => self.launch(stage, grant, Some(lock)),
                    None => self.resources.give_back(&grant),
                },
                None => match self.lane(&request) {
                    Lane::Gpus => {}
                    full => lanes.retain(|lane| *lane != full),
                },
            }
        }
        reopened
    }

    /// Whether there is anything to wait for.
    fn goes_on(&self) -> bool {
        let pushes = !self.is_stopped() && self.pushing.as_ref().is_some_and(|pushing| pushing.open > 0);
        self.states.anything_runs() || pushes || (self.may_start() && self.states.anything_is_locked())
    }

    /// Whether anything more may start.
    fn may_start(&self) -> bool {
        !self.is_stopped() && (self.failed.is_empty() || self.engine.options.keep_going)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::SeqCst)
    }

    fn lane(&self, request: &Request) -> Lane {
        if request.as_job {
            return Lane::Places;
        }
        let on_cpu = matches!(request.device, None | Some(DeviceChoice::Cpu)) || !self.resources.has_gpus();
        if on_cpu { Lane::Cores } else { Lane::Gpus }
    }

    fn launch(&mut self, stage: usize, grant: Grant, lock: Option<KeyLock>) {
        let State::Queued(run) = self.states.set(stage, State::Running(grant.clone())) else { return };
        self.shared.lease.claim_key(&run.fingerprint.key());
        let node = &self.planner.pipeline.stages[stage];
        let fetch = self.to_fetch(stage);
        self.observer.event(&Event::Started { stage: node.name.to_string(), why: run.why.to_string() });
        let (shared, send) = (self.shared, self.send.clone());
        let running = Running::of(&self.name(stage), shared.show.folder());
        let work = Work {
            task: self.engine.task(stage, &grant, &self.made),
            fingerprint: run.fingerprint,
            existing: run.existing,
            retry: self.engine.settings(stage).retry,
            sources: task::sources(node),
        };
        let attempt = Attempt { shared, index: stage, work, forced: run.forced, lock, fetch, running, send };
        match self.engine.job(stage) {
            Some(settings) => self.rota.add(AsJob::new(attempt, settings), self.threads),
            None => drop(self.threads.spawn(move || attempt.run())),
        }
    }

    fn wait(&mut self, receive: &Receiver<Message>) {
        if let Ok(message) = receive.recv_timeout(INTERVAL) {
            self.take(message);
            // Many jobs may have something to say.
            receive.try_iter().take(AT_ONCE).for_each(|message| self.take(message));
        }
        if self.is_stopped() {
            for stage in self.states.running() {
                self.shared.executor.cancel(&self.name(stage));
            }
        }
    }

    pub(super) fn name(&self, stage: usize) -> String {
        self.planner.pipeline.stages[stage].name.to_string()
    }

    pub(super) fn warn(&mut self, stage: usize, text: String) {
        let stage = Some(self.name(stage));
        self.observer.event(&Event::Warning { stage, text });
    }

    fn end(mut self, started: Instant) -> Summary {
        self.end_pushing();
        let goes_on = self.shared.goes_on.is_some_and(|goes_on| goes_on.load(Ordering::SeqCst));
        let interrupted = goes_on || self.is_stopped();
        let not_run = self.engine.order.iter().filter(|stage| match self.states[**stage] {
            State::Done | State::Out => false,
            State::Failed => interrupted,
            State::Waiting
            | State::Queued(_)
            | State::Locked(_)
            | State::Running(_)
            | State::Showing
            | State::Left
            | State::Blocked => true,
        });
        let not_run = not_run.map(|stage| self.name(*stage)).collect();
        let Self { engine, shared, observer, finished, failed, left, made, .. } = self;
        let ending = Ending {
            finished,
            failed,
            made: &made,
            not_run,
            would_run: Vec::new(),
            submitted: left,
            interrupted,
            unasked: None,
        };
        let summary = engine.end(ending, shared.show, started, observer);
        shared.store.remember();
        summary
    }
}
