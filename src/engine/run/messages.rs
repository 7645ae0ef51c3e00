//! What the loop does with the messages of other threads: progress is told, results are taken, failures noted.

use super::run_loop::Run;
use crate::engine::{
    run::{
        attempt::{Done, Failed, Message},
        states::State,
    },
    tell::event::{Direction, Event, FailedStage, FinishedStage},
};
use crate::store::ActionRecord;

impl Run<'_, '_, '_> {
    /// Takes what another thread says.
    pub(super) fn take(&mut self, message: Message) {
        match message {
            Message::Progress(stage, progress) => {
                let stage = self.name(stage);
                self.observer.event(&Event::Progress { stage, progress });
            }
            Message::Epoch(stage, epoch, losses, curves) => {
                let stage = self.name(stage);
                self.observer.event(&Event::Epoch { stage, epoch, losses, curves });
            }
            Message::Warning(stage, text) => self.warn(stage, text),
            Message::Job(stage, state) => {
                let stage = self.name(stage);
                self.observer.event(&Event::Job { stage, state });
            }
            Message::Waiting(stage, holder) => self.report_waiting(stage, holder),
            Message::Left(stage, job) => self.leave(stage, job),
            Message::Done(stage, result) => {
                if let State::Running(grant) = &self.states[stage] {
                    self.resources.give_back(grant);
                }
                match result {
                    Ok(done) if self.is_outdated(stage, &done.record.key) => self.reopen(stage),
                    Ok(done) => self.finish(stage, *done),
                    Err(failed) if failed.unfetched && !self.is_stopped() => {
                        self.warn(stage, format!("{}: it is computed", failed.failure.message));
                        self.states.set(stage, State::Waiting);
                    }
                    Err(failed) => self.fail(stage, failed),
                }
            }
            Message::Pushing(done, total) => {
                let (direction, what) = (Direction::Pushing, "results".to_owned());
                self.observer.event(&Event::Transfer { direction, what, done, total });
            }
            Message::Pushed(stage, pushed) => self.pushed(stage, pushed),
        }
    }

    /// A stage is done: the stages that read it may begin.
    pub(super) fn finish(&mut self, stage: usize, done: Done) {
        let Done { record, hit, folder } = done;
        self.note_latest(stage, &record);
        self.reopen_readers(stage, &record);
        let event = Event::Finished(FinishedStage::of(self.name(stage), &record, hit, folder));
        self.keys[stage] = Some(record.key);
        // The job of a former run has made it.
        let is_unseen = hit && self.unseen.remove(&record.key);
        if is_unseen && let Err(error) = self.shared.store.remove_job(&record.key) {
            tracing::debug!("{}: files of its job are left: {error}", self.name(stage));
        }
        if let Some(pushing) = self.pushing.as_mut().filter(|_| !hit || is_unseen) {
            pushing.push(stage, record.clone(), self.threads, self.shared, &self.send);
        }
        self.made[stage] = Some(record.artifacts);
        self.states.set(stage, State::Done);
        self.planner.pipeline.graph.feeds(stage).for_each(|next| self.states.look_at(next));
        self.bytes_needed[stage] = false;
        self.observer.event(&event);
        if let Event::Finished(finished) = event {
            self.finished.push(finished);
        }
    }

    /// Notes the key for the next "why does it run?". If this fails, only an explanation is lost.
    fn note_latest(&self, stage: usize, record: &ActionRecord) {
        let noted =
            self.shared.store.note_latest(&self.planner.pipeline.name, &self.name(stage), &record.key);
        if let Err(error) = noted {
            tracing::debug!("{}: {error}", self.name(stage));
        }
    }

    pub(super) fn fail(&mut self, stage: usize, failed: Failed) {
        self.states.set(stage, State::Failed);
        if self.is_stopped() {
            return; // It did not fail: it was stopped.
        }
        let Failed { failure, log, changed, .. } = failed;
        if let Some((goes_on, path)) = self.shared.goes_on.zip(changed) {
            return self.leave_to_next_run(stage, goes_on, &path);
        }
        let name = self.name(stage);
        let key = self.planner.fingerprint(stage, &self.made).map(|fingerprint| fingerprint.key().hex());
        let failed =
            FailedStage { stage: name.clone(), key, class: failure.class, message: failure.message, log };
        self.observer.event(&Event::Failed(failed.clone()));
        self.failed.push(failed);
        self.block(stage, &name);
    }
}
