//! A read-only store: cached results and reading commands work, and the others report why they cannot.

use crate::{sandbox::Sandbox, wrong_inputs::mounted};

use super::QUICK;

/// Runs commands on a read-only store. Returns `EXIT-CODE OUTPUT` for each.
fn tried(commands: &str) -> Option<Vec<String>> {
    let project = Sandbox::new().pipeline(QUICK);
    let script = format!(
        "$PCAMFLOW run p.toml --quiet --store st; touch -d 2000-01-01 st/latest/* st/actions/*/*
         mount --bind st st && mount -o remount,bind,ro st || exit 9
         try() {{ \"$@\" >said.txt 2>&1; echo $? $(cat said.txt); }}
         {commands}"
    );
    let output = mounted(&project, &script)?;
    assert!(output.status.success(), "{}{}", output.stdout, output.stderr);
    Some(output.stdout.lines().map(str::to_owned).collect())
}

#[test]
fn cached_results_and_reading_commands_work() {
    let Some(lines) = tried(
        "try $PCAMFLOW run p.toml --store st
         try $PCAMFLOW run p.toml --store st --out elsewhere
         try $PCAMFLOW plan p.toml --store st
         try $PCAMFLOW plan p.toml --store st --set split.d.seed=3
         try $PCAMFLOW show p.toml split.d --store st
         try $PCAMFLOW show p.toml split.d/split --store st
         try $PCAMFLOW log p.toml split.d --store st
         try $PCAMFLOW path p.toml split.d/train --store st
         try $PCAMFLOW graph p.toml --status --store st
         try $PCAMFLOW export p.toml split.d exported --store st
         try $PCAMFLOW cache du --store st
         try $PCAMFLOW cache verify --store st
         try $PCAMFLOW cache gc --store st",
    ) else {
        return;
    };
    let said = [
        "2 stages, all cached",
        "results in elsewhere/faults",
        "nothing to run",
        "1 to run",
        "up to date",
        "algorithm",
        "logged nothing",
        "/st/objects/",
        "cached",
        "exported/train.h5",
        "2 results in 10 objects",
        "all sound",
        "nothing to remove",
    ];
    assert_eq!(lines.len(), said.len(), "{lines:#?}");
    for (line, said) in lines.iter().zip(said) {
        assert!(line.starts_with("0 ") && line.contains(said), "{said:?} in {line}");
    }
}

#[test]
fn writing_commands_report_what_they_cannot_write() {
    let Some(lines) = tried(
        "try $PCAMFLOW run p.toml --store st --set synthesize.s.seed=9
         try $PCAMFLOW run p.toml --store st --force split.d
         try $PCAMFLOW cache clear p.toml split.d --store st
         try $PCAMFLOW cache gc --older-than 0s --even-latest --store st",
    ) else {
        return;
    };
    assert_eq!(lines.len(), 4, "{lines:#?}");
    for line in lines {
        let told = line.contains("/st/") && line.contains("Read-only file system");
        assert!(
            line.starts_with("3 ") && told && line.contains("choose a place that can be written"),
            "{line}"
        );
    }
}

#[test]
fn damage_that_cannot_be_quarantined_is_reported() {
    let project = Sandbox::new().pipeline(QUICK);
    let script = "run=\"$PCAMFLOW run p.toml --json --store st\"
        $run >/dev/null; object=$($PCAMFLOW path p.toml split.d/train --store st)
        chmod u+w $object; truncate -s 100 $object
        mount --bind st st && mount -o remount,bind,ro st || exit 9
        $run >run.txt 2>&1; echo $?
        $PCAMFLOW cache verify --store st >verify.txt; echo $?
        umount st; $run >free.txt 2>&1; echo $?; $PCAMFLOW cache verify --store st >clean.txt; echo $?
        cat run.txt verify.txt";
    let Some(output) = mounted(&project, script) else { return };
    let text = &output.stdout;
    assert!(text.starts_with("3\n1\n0\n0\n"), "{text}{}", output.stderr);
    assert!(text.contains("`split.d/train` are damaged") && text.contains("Read-only file system"), "{text}");
}
