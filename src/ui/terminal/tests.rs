//! What a terminal shows while a run goes on.

use indicatif::InMemoryTerm;

use super::*;
use crate::ui::testing;

fn on(width: u16, events: &[Event]) -> (InMemoryTerm, Terminal) {
    let screen = InMemoryTerm::new(40, width);
    let mut terminal = Terminal::new(Arc::new(screen.clone()), Paint::OFF);
    events.iter().for_each(|event| terminal.event(event));
    (screen, terminal)
}

/// The screen, once it shows `text`. Another thread draws it.
fn showing(screen: &InMemoryTerm, text: &str) -> String {
    for _ in 0..500 {
        if screen.contents().contains(text) {
            return screen.contents();
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("no {text:?} on the screen:\n{}", screen.contents());
}

#[test]
fn a_good_run_leaves_one_line_per_stage() {
    let expected = "\
· split.pcam        cached
✓ train.base             34.2 s  validation-accuracy 0.934, on cuda:0 (NVIDIA H200), resumed from epoch 3
! train.base: no improvement for 3 epochs
✓ evaluate.test           2.8 s  accuracy 0.9156
· explain.grad-cam  cached";
    let (screen, _terminal) = on(120, &testing::good());
    let mut lines: Vec<&str> = expected.lines().collect();
    lines.swap(1, 2);
    assert_eq!(screen.contents(), lines.join("\n"));
}

#[test]
fn a_running_stage_has_a_changing_line_above_the_count() {
    let events = testing::good();
    let (screen, _terminal) = on(80, &events[..5]);
    let contents = showing(&screen, "36% ");
    let lines: Vec<&str> = contents.lines().collect();
    assert_eq!(lines[0], "· split.pcam        cached");
    assert!(lines[1].contains(" train.base        ━━─────  36% "), "{contents}");
    assert!(lines[1].ends_with("epoch 4/9, loss 0.412"), "{contents}");
    assert!(lines[2].starts_with("  1 of 4 stages · 1 cached · "), "{contents}");
    assert_eq!(lines.len(), 3);
}

#[test]
fn each_epoch_leaves_a_line_above_the_changing_ones() {
    let mut events = testing::good()[..5].to_vec();
    events.insert(4, testing::epoch("train.base", 4));
    for (width, text) in [
        (120, "4/12, training 0.312 86.9%, validation 0.355 84.1%, best 3 (0.341)"),
        (80, "4/12, train 0.312 86.9%, val 0.355 84.1%, best 3 (0.341)"),
        (60, "4/12, val 0.355 84.1%, best 3 (0.341)"),
    ] {
        let (screen, _terminal) = on(width, &events);
        let contents = showing(&screen, "36% ");
        assert_eq!(contents.lines().nth(1).unwrap(), format!("  train.base        {text}"), "{width}");
    }
}

#[test]
fn the_picture_of_a_training_has_a_line_of_its_own() {
    let mut events = testing::good()[..5].to_vec();
    events.insert(4, testing::epoch_with_curves("train.base", 4));
    let (screen, _terminal) = on(80, &events);
    let contents = showing(&screen, "36% ");
    let line = "  train.base        curves so far in out/mini/running/train.base.png";
    assert_eq!(contents.lines().nth(2).unwrap(), line);
}

#[test]
fn the_time_that_is_left_follows_the_time() {
    let mut events = testing::good()[..3].to_vec();
    let Event::Planned { stages, .. } = &mut events[0] else { panic!() };
    stages.iter_mut().for_each(|stage| stage.expected = Some(60.0));
    let (screen, _terminal) = on(80, &events);
    showing(&screen, "  1 of 4 stages · 1 cached · 1 s · about 3 min left");
}

#[test]
fn a_failure_has_its_message_whole_and_its_log() {
    let expected = "\
· split.pcam    cached
✗ train.base  failed
  the loss is not finite in epoch 3, batch
  120: lower the learning rate
  log: .pcamflow/logs/train.base.log
· evaluate.test  not run
· exp….grad-cam  not run";
    let (screen, _terminal) = on(44, &testing::bad());
    assert_eq!(screen.contents(), expected.replace("split.pcam    cached", "split.pcam     cached"));
}

#[test]
fn nothing_is_drawn_if_everything_is_cached() {
    let (screen, terminal) = on(80, &testing::all_cached(1_000));
    assert_eq!(screen.contents(), "");
    assert_eq!(screen.moves_since_last_check(), "");
    assert!(!terminal.awake);
}

#[test]
fn many_cached_stages_are_one_line() {
    let mut events = testing::all_cached(985);
    events.insert(986, testing::started("train.base", "never ran"));
    let (screen, _terminal) = on(80, &events);
    assert_eq!(screen.contents(), "· 985 stages cached");
}

#[test]
fn hashing_and_waiting_are_shown_and_removed() {
    let hashing = |done| Event::Hashing { file: "data/x.h5".into(), done, total: 2 << 30 };
    let waiting = Event::Waiting { stage: "train.base".into(), holder: "ada:17".into() };
    let (screen, mut terminal) = on(80, &[hashing(0), hashing(1 << 30)]);
    let contents = showing(&screen, " hashing  ━━━━━━──────  50% ");
    assert!(contents.ends_with("x.h5"), "{contents}");
    terminal.event(&hashing(2 << 30));
    assert_eq!(screen.contents(), "");
    terminal.event(&testing::planned(&[("train.base", Planned::Run)]));
    terminal.event(&waiting);
    showing(&screen, "  waiting for run of ada:17");
    terminal.event(&Event::Finished(testing::cached("train.base", &[])));
    terminal.event(&Event::Ended(testing::summary(Vec::new())));
    assert_eq!(screen.contents(), "· train.base  cached");
}

#[test]
fn texts_from_elsewhere_cannot_disturb_the_screen() {
    let warning = |text: &str| Event::Warning { stage: None, text: text.into() };
    let (screen, _terminal) = on(80, &[warning("\n\u{1b}[2Jé\tx"), warning(""), warning("é")]);
    assert_eq!(screen.contents(), "!\n  é x\n! é");
}

#[test]
fn no_changing_line_is_left_behind() {
    let (screen, terminal) = on(80, &testing::good()[..5]);
    drop(terminal);
    assert_eq!(screen.contents(), "· split.pcam        cached");
}

#[test]
fn a_closed_terminal_does_not_end_the_run() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let closed = console::Term::read_write_pair(std::io::stdin(), writer);
    let mut terminal = Terminal::new(Arc::new(closed), Paint::OFF);
    testing::bad().iter().for_each(|event| terminal.event(event));
}
