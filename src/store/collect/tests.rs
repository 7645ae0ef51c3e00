//! Collections: what goes, what stays.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use super::*;
use crate::store::{ActionRecord, Check, Existing, Lookup, record::examples, testing::Case};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn collect(case: &Case, policy: Policy) -> Collected {
    case.store.collect(&policy, &|_| ()).unwrap()
}

/// A record with one object, used so many days ago.
fn used(case: &Case, name: &str, content: &str, days: u32) -> ActionRecord {
    let mut record = examples::record(name, &format!("train.{name}"));
    record.artifacts.insert("0".to_owned(), case.publish(content.as_bytes()));
    case.store.commit(record.clone(), Existing::Replace).unwrap();
    let file = fs::File::open(case.store.layout.record(&record.key)).unwrap();
    file.set_modified(SystemTime::now() - days * DAY).unwrap();
    record
}

fn is_there(case: &Case, record: &ActionRecord) -> bool {
    let found = matches!(case.store.record(&record.key).unwrap(), Lookup::Found(_));
    if found {
        assert_eq!(case.check(record), Check::Intact, "a result is there whole or not at all");
    }
    found
}

#[test]
fn without_rules_only_garbage_goes_and_a_dry_run_says_the_same_and_removes_nothing() {
    let case = Case::new();
    let kept = used(&case, "kept", "kept", 400);
    let orphan = case.publish(b"orphan");
    fs::create_dir_all(case.store.layout.staging.join("dead-1")).unwrap();
    let (done, open) = (case.store.work(&kept.key).unwrap(), case.store.work(&Digest::of(b"open")).unwrap());
    fs::write(done.join("checkpoint"), "123").unwrap();
    fs::write(open.join("checkpoint"), "12345").unwrap();
    let told = collect(&case, Policy { dry_run: true, ..Policy::default() });
    assert!(case.store.layout.object(&orphan.digest).exists() && done.exists());
    let collected = collect(&case, Policy::default());
    assert_eq!((told.objects, told.partial_work), (collected.objects, collected.partial_work));
    assert_eq!(collected.objects, Removed { count: 1, bytes: 6 });
    assert_eq!(collected.partial_work, Removed { count: 1, bytes: 3 });
    assert_eq!(collected.staging.count, 1);
    assert!(!case.store.layout.object(&orphan.digest).exists() && !done.exists() && open.exists());
    assert!(is_there(&case, &kept));
    assert_eq!(collect(&case, Policy::default()).count(), 0);
}

#[test]
fn free_lock_files_are_removed() {
    let case = Case::new();
    case.publish(b"for a store that is there");
    let key = Digest::of(b"held");
    let held = case.store.try_lock(&key, "the living").unwrap();
    let locks = &case.store.layout.locks;
    fs::write(locks.join(Digest::of(b"dead").hex()), "the dead").unwrap();
    fs::write(locks.join(format!("view-{key}")), "the dead").unwrap();
    collect(&case, Policy::default());
    assert_eq!(fsx::list(locks).unwrap(), [std::ffi::OsString::from(key.hex())]);
    drop(held);
}

#[test]
fn old_results_go_but_for_the_latest_of_a_stage_unless_that_is_asked_for() {
    let case = Case::new();
    let (old, young) = (used(&case, "old", "old", 31), used(&case, "young", "young", 29));
    let latest = used(&case, "latest", "latest", 31);
    case.store.note_latest("full", "train.base", &latest.key).unwrap();
    used(&case, "latest", "latest", 31);
    let policy = Policy { older_than: Some(30 * DAY), ..Policy::default() };
    let collected = collect(&case, policy.clone());
    assert_eq!((collected.results.count, collected.results_left, collected.objects.count), (1, 2, 1));
    assert!(!is_there(&case, &old) && is_there(&case, &young) && is_there(&case, &latest));
    collect(&case, Policy { keep: Keep::Nothing, ..policy });
    assert!(!is_there(&case, &latest) && is_there(&case, &young));
    assert_eq!(case.store.previous("full", "train.base").unwrap(), None);
    collect(&case, Policy { all: true, ..Policy::default() });
    assert!(!is_there(&case, &young));
}

#[test]
fn a_store_shrinks_to_its_limit_from_what_was_used_longest_ago() {
    let case = Case::new();
    let records: Vec<_> =
        (1..=5).map(|days| used(&case, &days.to_string(), &format!("{days}").repeat(100), days)).collect();
    // Shares its bytes with the oldest: giving up only one of the two frees nothing.
    let twin = used(&case, "twin", &"5".repeat(100), 0);
    let collected = collect(&case, Policy { max_size: Some(250), ..Policy::default() });
    let left: Vec<bool> = records.iter().map(|record| is_there(&case, record)).collect();
    assert_eq!(left, [true, false, false, false, false]);
    assert!(is_there(&case, &twin));
    assert_eq!(collected.objects_left, Removed { count: 2, bytes: 200 });
}

#[test]
fn what_a_live_run_relies_on_stays_and_goes_after_its_end() {
    let case = Case::new();
    let record = used(&case, "used", "used", 100);
    let lease = case.store.lease();
    let hold = lease.hold();
    lease.claim(&record);
    hold.release();
    // Another run replaced it with --force. The first run still reads the old bytes.
    let mut other = record.clone();
    other.artifacts.insert("0".to_owned(), case.publish(b"others"));
    case.store.commit(other, Existing::Replace).unwrap();
    let policy = Policy { all: true, keep: Keep::Nothing, ..Policy::default() };
    let collected = collect(&case, policy.clone());
    assert_eq!((collected.in_use, collected.results.count), (1, 0));
    assert!(case.store.layout.object(&record.artifacts.get("0").unwrap().digest).exists());
    drop(lease);
    assert_eq!(collect(&case, policy).objects.count, 2);
}

#[test]
fn links_in_shown_folders_keep_their_objects() {
    let case = Case::new();
    let out = case.folder.path().join("out");
    let path = case.folder.path().join("train.h5");
    fs::File::create(&path).unwrap().set_len(fsx::COPY_LIMIT + 1).unwrap();
    let big = case.store.publish(&path).unwrap();
    case.store.show(&out.join("split.s"), [&big]).unwrap();
    collect(&case, Policy { shown: vec![out.clone()], ..Policy::default() });
    assert_eq!(
        case.store.layout.object(&big.digest).exists(),
        out.join("split.s/train.h5").is_symlink(),
        "where blocks are shared, nothing hangs on the object"
    );
}

#[test]
fn the_objects_of_a_record_of_another_version_stay() {
    let case = Case::new();
    let object = case.publish(b"from the future");
    let text = crate::store::seal::close(&format!("{{\"format\": 9, \"parts\": [\"{}\"]}}", object.digest));
    case.store.layout.write(&case.store.layout.record(&Digest::of(b"k")), text.as_bytes()).unwrap();
    collect(&case, Policy::default());
    assert!(case.store.layout.object(&object.digest).exists());
}

#[test]
fn old_quarantine_goes_and_young_stays() {
    let case = Case::new();
    let folder = &case.store.layout.quarantine;
    case.store.layout.prepare(folder).unwrap();
    fs::write(folder.join("damaged"), "x").unwrap();
    assert_eq!(collect(&case, Policy::default()).quarantine.count, 0);
    let policy = Policy { older_than: Some(Duration::ZERO), ..Policy::default() };
    assert_eq!(collect(&case, policy).quarantine, Removed { count: 1, bytes: 1 });
}
