//! Checks of source files before a run: the questions asked and the effect of the findings.

use pcamflow::{
    engine::exec::fake::Fake,
    protocol::{About, Answer, Failure, FailureClass, Finding, Holds, Question, Severity},
};

use super::Project;

const PIPELINE: &str = "
[pipeline]
name = 'files'
[split.s]
images = 'x.h5'
labels = 'y.h5'
seeds = [1, 2, 3]
sizes = { train = 10, validation = 5, test = 5 }
[preview.p]
images = { x = 'x.h5', y = 'y.h5' }
rows = 2
columns = 2
";

const STAGES: [&str; 4] = ["preview.p", "split.s@1", "split.s@2", "split.s@3"];

fn project(fake: Fake) -> Project {
    let project = Project::with(fake);
    let data = project.path().join("data");
    std::fs::create_dir(&data).unwrap();
    ["x.h5", "y.h5"].iter().for_each(|name| std::fs::write(data.join(name), name).unwrap());
    project
}

fn finding(severity: Severity) -> impl Fn(&[Question]) -> Result<Vec<Answer>, Failure> {
    move |questions| {
        let message = "y.h5 is odd".to_owned();
        let findings = vec![Finding { about: About::File(Holds::Labels), severity, message }];
        Ok(vec![Answer { patches: None, findings }; questions.len()])
    }
}

#[test]
fn each_question_is_asked_once_and_only_for_stages_that_run() {
    let project = project(Fake::echo());
    project.run(PIPELINE).ran(&STAGES);
    assert_eq!(project.fake.take_asked().len(), 2, "the three repeats must share their questions");
    project.run(PIPELINE).ran(&[]);
    assert_eq!(project.fake.take_asked(), []);
    project.run(&PIPELINE.replace("rows = 2", "rows = 3")).ran(&["preview.p"]);
    assert_eq!(project.fake.take_asked().len(), 1);
}

#[test]
fn an_error_refuses_the_run_and_names_every_line_with_the_file() {
    let project = project(Fake::echo().answering(finding(Severity::Error)));
    let refused = project.try_run(PIPELINE).err().unwrap().to_string();
    let lines: Vec<&str> = refused.lines().collect();
    assert_eq!(lines.len(), 2, "{refused}");
    assert!(
        lines[0].ends_with("p.toml:6: y.h5 is odd") && lines[1].ends_with("p.toml:10: y.h5 is odd"),
        "{refused}"
    );
    assert_eq!(project.fake.take_ran(), [""; 0]);
}

#[test]
fn a_warning_is_given_once_per_stage_and_does_not_stop_the_run() {
    let project = project(Fake::echo().answering(finding(Severity::Warning)));
    let ran = project.run(PIPELINE);
    ran.ran(&STAGES);
    assert_eq!(ran.warnings(), ["y.h5 is odd"; 2]);
}

/// A check may crash in the HDF5 library. The stage still runs, and may fail then.
#[test]
fn a_crashed_check_does_not_prevent_the_run() {
    let lost = || Failure { class: FailureClass::Process, message: "crashed".to_owned() };
    let project = project(Fake::echo().answering(move |_| Err(lost())));
    project.run(PIPELINE).ran(&STAGES);
}
