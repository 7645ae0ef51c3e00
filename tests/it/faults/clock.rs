//! Clock jumps: sources and store files with times in the future or before 1970. Changes are still noticed,
//! times alone cause no run, and recent results are not removed as old.

use std::{
    fs::{self, File, FileTimes},
    path::Path,
    time::{Duration, SystemTime},
};

use crate::sandbox::{Sandbox, files};

use super::quick;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// File times after a clock jump: in ten years, soon, at the epoch and before it.
fn strange_times() -> [SystemTime; 4] {
    let now = SystemTime::now();
    let before_1970 = SystemTime::UNIX_EPOCH - DAY - Duration::from_nanos(1);
    [now + 3650 * DAY, now + Duration::from_secs(90), SystemTime::UNIX_EPOCH, before_1970]
}

fn set_time(path: &Path, time: SystemTime) {
    let times = FileTimes::new().set_accessed(time).set_modified(time);
    File::open(path).unwrap().set_times(times).unwrap();
}

fn set_all(project: &Sandbox, folder: &str, time: SystemTime) {
    files(&project.path(folder)).iter().for_each(|path| set_time(path, time));
}

#[test]
fn a_store_with_strange_times_works() {
    for time in strange_times() {
        let project = quick();
        let shown = project.digests();
        set_all(&project, ".pcamflow", time);
        set_all(&project, "out", time);
        project.run(&[]).cached_all();
        assert_eq!(project.digests(), shown, "{time:?}");
        project.pcamflow(&["cache", "verify"]).exit(0);
        let why = project.pcamflow(&["plan", "p.toml", "--set", "split.d.seed=9"]).exit(0).stdout;
        assert!(why.contains("`seed` 42 -> 9"), "the last result must still be known: {why}");
        project.run(&["--set", "split.d.seed=9"]).ran(["split.d"]);
        project.run(&[]).cached_all();
        assert_eq!(project.digests(), shown, "{time:?}");
    }
}

#[test]
fn future_times_do_not_count_as_old_and_a_hit_records_the_current_time() {
    for time in strange_times() {
        let project = quick();
        set_all(&project, ".pcamflow/actions", time);
        set_all(&project, ".pcamflow/latest", time);
        let gc = ["cache", "gc", "--older-than", "30d", "--even-latest", "--json"];
        if time > SystemTime::now() {
            let kept = project.pcamflow(&gc).exit(0);
            assert!(kept.stdout.contains("\"results\":{\"count\":0,"), "{time:?}: {}", kept.stdout);
        }
        // A hit records the current time, whatever time was recorded before.
        set_all(&project, ".pcamflow/latest", time);
        project.run(&[]).cached_all();
        let used = |path: &Path| path.metadata().unwrap().modified().unwrap();
        let is_now = |time: SystemTime| {
            let now = SystemTime::now();
            now.duration_since(time).or_else(|_| time.duration_since(now)).unwrap() < DAY
        };
        let records = files(&project.path(".pcamflow/actions"));
        assert!(records.iter().all(|record| is_now(used(record))), "{time:?}");
        let kept = project.pcamflow(&gc).exit(0);
        assert!(kept.stdout.contains("\"results\":{\"count\":0,"), "{time:?}: {}", kept.stdout);
        project.run(&[]).cached_all();
    }
}

/// The line of the plan with the digest of the images.
fn digest(project: &Sandbox) -> String {
    let plan = project.pcamflow(&["plan", "-v", "p.toml", "split.x"]).exit(0).stdout;
    let line = plan.lines().find(|line| line.contains("input images"));
    line.unwrap_or_else(|| panic!("no input in {plan}")).to_owned()
}

#[test]
fn an_edit_with_an_old_or_future_time_is_noticed() {
    let project = Sandbox::new().file("data/x.h5", "one").file("data/y.h5", "labels").pipeline(
        "[split.x]\nimages = 'x.h5'\nlabels = 'y.h5'\nsizes = { train = 1, validation = 1, test = 1 }\n",
    );
    for time in strange_times() {
        let source = project.path("data/x.h5");
        fs::write(&source, "one").unwrap();
        set_time(&source, time);
        std::thread::sleep(Duration::from_millis(120));
        let first = digest(&project);
        assert_eq!(digest(&project), first, "the same content must have the same digest");
        // An edit that keeps the size and the time.
        fs::write(&source, "two").unwrap();
        set_time(&source, time);
        let second = digest(&project);
        assert_ne!(second, first, "{time:?}: an edit went unnoticed");
        // The restored file has its first digest again.
        fs::write(&source, "one").unwrap();
        set_time(&source, time);
        assert_eq!(digest(&project), first, "{time:?}");
    }
}
