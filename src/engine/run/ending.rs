//! The end of a run: shows what repeats and trials say together, checks the requirements, sums up.

use std::time::Instant;

use crate::engine::{
    plan::{engine::Engine, planner::Made},
    tell::{
        event::{Event, FailedStage, FinishedStage, Observer, PlannedStage, Summary},
        job::SubmittedStage,
        require::Results,
        running,
        show::Show,
        together::Together,
    },
};

/// What a run has come to.
pub(super) struct Ending<'a> {
    pub(super) finished: Vec<FinishedStage>,
    pub(super) failed: Vec<FailedStage>,
    /// The artifacts of finished stages, by the stages' indices.
    pub(super) made: &'a [Option<Made>],
    pub(super) not_run: Vec<String>,
    pub(super) would_run: Vec<PlannedStage>,
    pub(super) submitted: Vec<SubmittedStage>,
    pub(super) interrupted: bool,
    pub(super) unasked: Option<String>,
}

impl Engine<'_> {
    /// Reports how a run ended.
    pub(super) fn end(
        &self,
        ending: Ending<'_>,
        show: &Show<'_>,
        started: Instant,
        observer: &mut dyn Observer,
    ) -> Summary {
        let Ending { finished, failed, made, not_run, would_run, submitted, interrupted, unasked } = ending;
        let forgotten = show.forget_others();
        running::clear_up(show.folder(), finished.iter().map(|stage| stage.stage.as_str()));
        let Together { repeats, trials, warnings } =
            Together::of(self.pipeline, &self.order, &finished, &failed, show.folder());
        for text in forgotten.err().into_iter().chain(warnings) {
            observer.event(&Event::Warning { stage: None, text });
        }
        let results = Results { pipeline: self.pipeline, store: self.store, finished: &finished, made };
        let required = results.verdicts(&self.demands);
        for verdict in &required {
            observer.event(&Event::Required(verdict.clone()));
        }
        // The summary of many stages is long, so it is not copied for the event.
        let event = Event::Ended(Summary {
            pipeline: self.pipeline.name.clone(),
            finished,
            failed,
            not_run,
            interrupted,
            seconds: started.elapsed().as_secs_f64(),
            out: show.shown(),
            repeats,
            sweep: self.options.sweep.clone(),
            trials,
            would_run,
            submitted,
            required,
            unasked,
        });
        observer.event(&event);
        let Event::Ended(summary) = event else { unreachable!("the event was made above") };
        summary
    }
}
