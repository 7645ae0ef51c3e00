//! Run records on the disk: numbers, counting, damage, and who is alive.

use std::fs;

use super::{examples::cached, *};
use crate::store::{Keep, Policy, testing::Case};

fn read(case: &Case, place: usize) -> RunRecord {
    let files = case.store.runs().unwrap();
    match case.store.run(&files[place]).unwrap() {
        ReadRun::Record(record) => *record,
        other => panic!("{other:?}"),
    }
}

fn computed(pipeline: &str, stages: &[&str]) -> RunRecord {
    let mut record = cached(pipeline, stages);
    record.stages.iter_mut().for_each(|stage| stage.outcome = Outcome::Computed);
    record
}

#[test]
fn runs_are_numbered_in_order_whatever_the_clock_says_and_identical_cached_ones_are_counted() {
    let case = Case::new();
    assert_eq!(case.store.runs().unwrap(), []);
    assert_eq!(case.store.add_run(&mut computed("full", &["split.d"])).unwrap(), 1);
    assert_eq!(case.store.add_run(&mut cached("full", &["split.d"])).unwrap(), 2, "the first cached one");
    let mut earlier = cached("full", &["split.d"]);
    earlier.started = "1999-01-01T00:00:00.000Z".to_owned();
    assert_eq!(case.store.add_run(&mut cached("mini", &["split.d"])).unwrap(), 3);
    assert_eq!(case.store.add_run(&mut earlier).unwrap(), 2, "others in between do not count");
    assert_eq!(case.store.add_run(&mut cached("full", &["split.e"])).unwrap(), 4);
    assert_eq!(case.store.add_run(&mut cached("full", &["split.d"])).unwrap(), 5);
    let second = read(&case, 1);
    assert_eq!((second.repeated, second.repeated_last.as_deref()), (1, Some("1999-01-01T00:00:00.000Z")));
    let ids: Vec<u64> = case.store.runs().unwrap().iter().map(|file| file.id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5]);
    case.assert_nothing_passing_is_left();
}

#[test]
fn eight_at_once_get_eight_numbers() {
    let case = Case::new();
    let begin = |index: usize| {
        let mut record = computed(&format!("p{}", index % 3), &["split.d"]);
        let live = case.store.begin_run(&mut record).unwrap();
        live.end(&mut record).unwrap();
        record.id
    };
    let mut ids: Vec<u64> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..8).map(|index| scope.spawn(move || begin(index))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap()).collect()
    });
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_run_is_alive_while_its_process_holds_it_and_killed_after() {
    let case = Case::new();
    let mut record = computed("full", &["split.d"]);
    record.ended = None;
    let live = case.store.begin_run(&mut record).unwrap();
    assert_eq!((record.id, case.store.liveness(1).unwrap()), (1, RunState::Running));
    assert_eq!(read(&case, 0).ended, None);
    // What the kernel does when a process is killed: the lock goes, the file stays.
    let path = live_path(&case.store.layout, 1);
    drop(live);
    fs::write(&path, "").unwrap();
    assert_eq!(case.store.liveness(1).unwrap(), RunState::Killed);
    fs::remove_file(&path).unwrap();
    assert_eq!(case.store.liveness(1).unwrap(), RunState::Killed);
    let live = case.store.begin_run(&mut record).unwrap();
    record.ended = Some(Ended::Failed);
    live.end(&mut record).unwrap();
    assert_eq!((read(&case, 1).id, read(&case, 1).ended), (2, Some(Ended::Failed)));
    assert!(fsx::list(&case.store.layout.runs.join("live")).unwrap().is_empty());
}

#[test]
fn damaged_and_foreign_records_are_named_and_never_misread() {
    let case = Case::new();
    case.store.add_run(&mut cached("full", &["split.d"])).unwrap();
    let file = case.store.runs().unwrap().remove(0);
    let good = fs::read(&file.path).unwrap();
    for end in 0..good.len() {
        assert!(matches!(parse(&good[..end], &file), ReadRun::Damaged(_)), "cut at {end}");
    }
    for bit in 0..8 * good.len() {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(matches!(parse(&bytes, &file), ReadRun::Damaged(_)), "bit {bit}");
    }
    let other = RunFile { id: 9, ..file.clone() };
    assert_eq!(parse(&good, &other), ReadRun::Damaged("it is the record of another run".to_owned()));
    let newer = seal::close("{\"format\":2,\"id\":\"x\"}");
    assert_eq!(parse(newer.as_bytes(), &file), ReadRun::Foreign(2));
    assert_eq!(parse(seal::close("[]").as_bytes(), &file), ReadRun::Foreign(0));
    let odd = seal::close("{\"format\":1,\"id\":1}");
    assert_eq!(parse(odd.as_bytes(), &file), ReadRun::Foreign(1));

    fs::write(&file.path, &good[..good.len() / 2]).unwrap();
    assert_eq!(case.store.add_run(&mut cached("full", &["split.d"])).unwrap(), 2, "nothing to count it in");
    let verified = case.store.verify(&|_| ()).unwrap();
    assert_eq!((verified.runs, verified.damaged.len()), (2, 1));
    assert_eq!(verified.damaged[0].made_by, ["run 1 of full"]);
    assert!(verified.damaged[0].moved_to.as_ref().is_some_and(|path| path.exists()));
    assert_eq!(case.store.verify(&|_| ()).unwrap().damaged, []);
}

#[test]
fn files_of_others_in_the_folder_are_no_runs() {
    let case = Case::new();
    case.store.add_run(&mut cached("a.b", &["split.d"])).unwrap();
    for name in ["x.json", "7", "7.json", ".draft-1", "-1.p.json", "18446744073709551615.p.json"] {
        fs::write(case.store.layout.runs.join(name), "x").unwrap();
    }
    let files = case.store.runs().unwrap();
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!((files[0].id, files[0].pipeline.as_str()), (1, "a.b"));
    let long = "é".repeat(200);
    case.store.add_run(&mut cached(&long, &["split.d"])).unwrap();
    assert_eq!(case.store.add_run(&mut cached(&long, &["split.d"])).unwrap(), 2);
}

/// A result with one object, and a run of a pipeline that used it.
fn used(case: &Case, pipeline: &str, stage: &str) -> crate::digest::Digest {
    let mut action = crate::store::record::examples::record(stage, stage);
    action.artifacts.insert("0".to_owned(), case.publish(stage.as_bytes()));
    case.store.commit(action.clone(), crate::store::Existing::Keep).unwrap();
    case.store.note_latest(pipeline, "train.base", &action.key).unwrap();
    let mut record = cached(pipeline, &[stage]);
    record.stages[0].key = Some(action.key);
    case.store.add_run(&mut record).unwrap();
    action.key
}

fn results(case: &Case) -> Vec<crate::digest::Digest> {
    case.store.keys().unwrap()
}

#[test]
fn keeping_two_runs_keeps_what_they_used_and_nothing_else() {
    let case = Case::new();
    let keys: Vec<_> = ["a", "b", "c"].map(|stage| used(&case, "full", stage)).to_vec();
    let other = used(&case, "mini", "d");
    let policy = Policy { all: true, keep: Keep::Runs(2), ..Policy::default() };
    let told = case.store.collect(&Policy { dry_run: true, ..policy.clone() }, &|_| ()).unwrap();
    assert_eq!(results(&case).len(), 4);
    let collected = case.store.collect(&policy, &|_| ()).unwrap();
    assert_eq!((told.results, told.runs), (collected.results, collected.runs));
    assert_eq!((collected.results.count, collected.runs.count, collected.objects.count), (1, 1, 1));
    let mut expected = vec![keys[1], keys[2], other];
    expected.sort();
    assert_eq!(results(&case), expected);
    assert_eq!(case.store.runs().unwrap().len(), 3);
    assert_eq!(case.store.add_run(&mut cached("new", &["x"])).unwrap(), 5, "no number comes again");
}

#[test]
fn what_a_killed_run_or_one_without_a_record_left_stays() {
    let case = Case::new();
    let first = used(&case, "full", "a");
    let mut killed = computed("full", &["b"]);
    killed.ended = None;
    killed.stages[0].key = None;
    drop(case.store.begin_run(&mut killed).unwrap());
    // What it had computed is not in its record.
    let mut action = crate::store::record::examples::record("b", "train.base");
    action.artifacts.insert("0".to_owned(), case.publish(b"b"));
    case.store.commit(action.clone(), crate::store::Existing::Keep).unwrap();
    case.store.note_latest("full", "train.base", &action.key).unwrap();
    let unrecorded = crate::store::record::examples::record("c", "train.base");
    case.store.commit(unrecorded.clone(), crate::store::Existing::Keep).unwrap();
    case.store.note_latest("old", "train.base", &unrecorded.key).unwrap();
    let policy = Policy { all: true, keep: Keep::Runs(1), ..Policy::default() };
    case.store.collect(&policy, &|_| ()).unwrap();
    let mut expected = vec![first, action.key, unrecorded.key];
    expected.sort();
    assert_eq!(results(&case), expected);
    assert_eq!(case.store.runs().unwrap().len(), 2);
}

#[test]
fn trials_of_a_sweep_are_recorded_each_by_itself_and_kept_together() {
    let case = Case::new();
    let trial = |name: &str| {
        let sweep = SweepTrial { id: "s".to_owned(), trial: name.to_owned(), ..SweepTrial::default() };
        RunRecord { sweep: Some(sweep), ..cached("full", &["split.d"]) }
    };
    used(&case, "full", "a");
    for name in ["x", "y", "z"] {
        case.store.add_run(&mut trial(name)).unwrap();
    }
    assert_eq!(case.store.runs().unwrap().len(), 4);
    let policy = Policy { all: true, keep: Keep::Runs(1), ..Policy::default() };
    assert_eq!(case.store.collect(&policy, &|_| ()).unwrap().runs.count, 1, "the run before the sweep");
    assert_eq!(case.store.runs().unwrap().len(), 3);
}
