//! A run as JSON lines: one object for each event, in order, on standard output.
//!
//! The objects are those of `engine::event`. `event` comes first, then the fields in the order of their declaration.
//! The first line and every `planned` have the version of the format: `{"event":"began","schema":1,"pcamflow":...}`.
//! A number that is not finite is `null`. `schema` describes the lines, from the same types.

use std::io::Write;

use serde::Serialize;
use serde_json::{Value, json};

use super::out::Out;
use crate::engine::tell::event::{Event, Observer};

/// The version of the lines: bumped when a field is renamed, removed or changes its meaning; new
/// fields and new events do not bump it.
pub const SCHEMA: u32 = 1;

/// Writes a run as JSON lines.
#[derive(Debug)]
pub(super) struct Json<W> {
    out: Out<W>,
    begun: bool,
}

impl<W: Write> Json<W> {
    /// Writes to `writer`.
    pub(super) fn new(writer: W) -> Self {
        Self { out: Out::new(writer), begun: false }
    }
}

impl<W: Write> Observer for Json<W> {
    fn event(&mut self, event: &Event) {
        let versioned = !self.begun || matches!(event, Event::Began { .. } | Event::Planned { .. });
        self.begun = true;
        self.out.write(&line(event, versioned));
        // There may be thousands of cached stages. They are flushed with the next event.
        if !matches!(event, Event::Finished(stage) if stage.cached) {
            self.out.flush();
        }
    }
}

/// A line in the form of an event: `{"event":NAME,"schema":1,...}`.
pub(super) fn object(name: &str, value: &impl Serialize) -> String {
    #[derive(Serialize)]
    struct Object<'a, T> {
        event: &'a str,
        schema: u32,
        #[serde(flatten)]
        value: &'a T,
    }
    let object = Object { event: name, schema: SCHEMA, value };
    serde_json::to_string(&object).expect("plain data with string keys") + "\n"
}

/// The JSON Schema of the lines (draft 2020-12).
#[must_use]
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Event).to_value();
    schema["title"] = "pcamflow events".into();
    schema["description"] = format!(
        "One line of `pcamflow run --json`. This is version {SCHEMA}, which the first line and every `planned` \
         say. Within a version, fields and events are only added: skip what you do not know. A number that \
         is not finite is null."
    )
    .into();
    let variants = schema["oneOf"].as_array_mut().into_iter().flatten();
    // All lines of these events have the version.
    let is_versioned = |variant: &&mut Value| {
        ["began", "planned"].iter().any(|name| variant["properties"]["event"]["const"] == *name)
    };
    for variant in variants.filter(is_versioned) {
        variant["properties"]["schema"] = json!({
            "description": "The version of this format.", "type": "integer", "const": SCHEMA,
        });
        if let Some(required) = variant["required"].as_array_mut() {
            required.push("schema".into());
        }
    }
    schema
}

fn line(event: &Event, versioned: bool) -> String {
    let text = serde_json::to_string(event);
    let mut text = text.expect("events are plain data with string keys, and their paths are made text");
    // Every event begins with its tag and has at least one more field.
    if let Some(comma) = text.find(',').filter(|_| versioned) {
        text.insert_str(comma + 1, &format!("\"schema\":{SCHEMA},"));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing;

    fn lines(events: &[Event]) -> String {
        let mut json = Json::new(Vec::new());
        events.iter().for_each(|event| json.event(event));
        String::from_utf8(json.out.writer().unwrap().clone()).unwrap()
    }

    #[test]
    fn every_event_is_one_object_and_the_first_has_the_version() {
        let text = lines(&testing::good());
        let values: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let names: Vec<_> = values.iter().map(|value| value["event"].as_str().unwrap()).collect();
        assert_eq!(
            names,
            [
                "planned", "finished", "started", "progress", "progress", "warning", "finished", "started",
                "finished", "finished", "ended"
            ]
        );
        let versions: Vec<_> = values.iter().map(|value| value.get("schema").is_some()).collect();
        assert_eq!(versions, [&[true][..], &[false; 10]].concat());
        assert_eq!(values[10]["finished"][1]["numbers"][0]["value"], 0.934);
    }

    #[test]
    fn fields_come_in_the_order_of_their_declaration() {
        let events = [testing::planned(&[]), testing::progress("train.base", 3, 8, "epoch 1/8")];
        let expected = "\
{\"event\":\"planned\",\"schema\":1,\"pipeline\":\"mini\",\"stages\":[]}
{\"event\":\"progress\",\"stage\":\"train.base\",\"progress\":{\"done\":3,\"total\":8,\"unit\":\"images\",\
\"at\":\"epoch 1/8\"}}
";
        assert_eq!(lines(&events), expected);
    }

    #[test]
    fn numbers_that_json_does_not_have_are_null() {
        use std::os::unix::ffi::OsStrExt as _;
        let mut stage = testing::ran("train.base", f64::NAN, &[]);
        stage.folder = Some(std::ffi::OsStr::from_bytes(b"out/\xff").into());
        let text = lines(&[Event::Finished(stage)]);
        assert!(text.contains("\"seconds\":null") && text.contains("\"folder\":\"out/\u{fffd}\""), "{text}");
        assert!(text.starts_with("{\"event\":\"finished\",\"schema\":1,"), "{text}");
    }
}
