//! Where a project's remote store is, and what is shared with it: the file `pcamflow.toml`, the environment, `--remote`.
//!
//! None of it is part of a key. Credentials are in none of them: see `cloud`.

use std::{path::Path, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{fsx, nearest::nearest};

/// The name of the file, in the project's folder.
pub const FILE: &str = "pcamflow.toml";
/// The variable with the URL; it overrides the file.
const URL: &str = "PCAMFLOW_REMOTE";
/// The variable that says whether results are pushed; it overrides the file.
const PUSH: &str = "PCAMFLOW_REMOTE_PUSH";

/// How long a small question may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What is known of a remote store before it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its URL.
    pub url: String,
    /// Whether results that are computed here are pushed.
    pub push: bool,
    /// Which artifacts are fetched in order to be shown; `None` if it is not set.
    pub show: Option<Show>,
    /// The server, for S3-compatible stores and others that are not at the provider's own address.
    pub endpoint: Option<String>,
    /// The region, for S3.
    pub region: Option<String>,
    /// The profile in `~/.aws`, for S3.
    pub profile: Option<String>,
    /// Whether requests have no credentials: for a store that everybody may read.
    pub anonymous: bool,
    /// How long a small question may take.
    pub timeout: Duration,
}

/// Which artifacts of results that were computed elsewhere are fetched in order to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Show {
    /// All.
    All,
    /// Pictures, texts and tables.
    #[default]
    Pictures,
    /// None.
    None,
}

impl Show {
    /// Whether an artifact with this file name is fetched.
    #[must_use]
    pub fn wants(self, file: &str) -> bool {
        const SEEN: [&str; 7] = ["png", "svg", "txt", "html", "md", "json", "csv"];
        let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending);
        match self {
            Self::All => true,
            Self::Pictures => SEEN.contains(&ending),
            Self::None => false,
        }
    }
}

/// A mistake in the settings. Displays with its place.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct SettingsError(String);

/// The settings of a project: `pcamflow.toml`, beside `.pcamflow`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Project {
    /// The store that a team shares.
    #[serde(default)]
    remote: Option<Table>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Table {
    /// Where it is: `s3://BUCKET/PATH`, `gs://BUCKET/PATH`, `az://CONTAINER/PATH`, `file:///FOLDER`, or
    /// `https://HOST/PATH`, which is only read. No credentials.
    url: Option<String>,
    /// Whether results that are computed here are pushed. Default: true, but false for a web server.
    push: Option<bool>,
    /// Which artifacts of results from elsewhere are fetched in order to be shown in `out`. Default: `pictures`, and
    /// `none` in a frozen run.
    show: Option<Show>,
    /// The address of the server, for S3-compatible ones: `https://minio.example.org`.
    endpoint: Option<String>,
    /// The region, for S3.
    region: Option<String>,
    /// The profile in `~/.aws`, for S3.
    profile: Option<String>,
    /// Whether requests are sent without credentials, to a store that everybody may read.
    #[serde(default)]
    anonymous: bool,
    /// How long a small question may take, with its unit. Default: `5s`.
    timeout: Option<String>,
}

/// The JSON Schema of the file.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Project).to_value()
}

const KEYS: [&str; 9] =
    ["remote", "url", "push", "show", "endpoint", "region", "profile", "anonymous", "timeout"];

impl Settings {
    /// Whether the store can only be read.
    #[must_use]
    pub fn reads_only(&self) -> bool {
        is_web(&self.url)
    }

    /// The settings of the project in a folder; `None` if it has no remote. `given` is `--remote`.
    ///
    /// # Errors
    /// A file that cannot be read or is wrong, and values that are wrong.
    pub fn find(root: &Path, given: Option<&str>) -> Result<Option<Self>, SettingsError> {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let path = root.join(FILE);
        let text = fsx::read_if_there(&path).map_err(|error| SettingsError(error.to_string()))?;
        let given = given.map(str::to_owned).or_else(|| variable(URL));
        if text.is_none() && given.is_none() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(text.as_deref().unwrap_or_default()).into_owned();
        let shown = path.display().to_string();
        let table = parse(&shown, &text)?;
        let push = variable(PUSH).map(|word| switch(PUSH, &word)).transpose()?;
        Self::of(table, given, push, &shown)
    }

    fn of(
        table: Table,
        given: Option<String>,
        push: Option<bool>,
        file: &str,
    ) -> Result<Option<Self>, SettingsError> {
        let wrong = |text: String| Err(SettingsError(text));
        let Some(url) = given.or(table.url).filter(|url| url != "none") else { return Ok(None) };
        if let Some(what) = secret(&url) {
            return wrong(format!(
                "the URL of the remote contains {what}: leave it out, credentials are taken from the places where the \
                 provider's own tools look for them"
            ));
        }
        let timeout = match table.timeout.as_deref().map(str::parse::<humantime::Duration>) {
            None => TIMEOUT,
            Some(Ok(timeout)) if !timeout.is_zero() => timeout.into(),
            Some(_) => {
                return wrong(format!(
                    "{file}: `timeout` is no time: write it with its unit, such as \"5s\""
                ));
            }
        };
        let reads_only = is_web(&url);
        let push = push.or(table.push);
        if reads_only && push == Some(true) {
            return wrong(format!(
                "{url} can only be read: set `push = false`, or name a store that can be written"
            ));
        }
        Ok(Some(Self {
            push: push.unwrap_or(!reads_only),
            url,
            show: table.show,
            endpoint: table.endpoint,
            region: table.region,
            profile: table.profile,
            anonymous: table.anonymous,
            timeout,
        }))
    }
}

fn parse(file: &str, text: &str) -> Result<Table, SettingsError> {
    let project: Project = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        let help = unknown(error.message()).and_then(|word| nearest(word, KEYS));
        let help = help.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
        SettingsError(format!("{file}{line}: {}{help}", error.message()))
    })?;
    Ok(project.remote.unwrap_or_default())
}

/// The word in a message about an unknown key.
fn unknown(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

fn switch(variable: &str, word: &str) -> Result<bool, SettingsError> {
    match word {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(SettingsError(format!("{variable} is `{word}`: it must be true or false"))),
    }
}

/// Whether a URL is that of a web server, which is only read.
fn is_web(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

/// What in a URL looks like a secret. It would be printed.
fn secret(url: &str) -> Option<&'static str> {
    let authority = url.split_once("://")?.1.split('/').next().unwrap_or_default();
    if authority.contains('@') && !url.starts_with("abfs") {
        return Some("a user or a password");
    }
    url.contains('?').then_some("a query")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, given: Option<&str>) -> Result<Option<Settings>, String> {
        let table = parse("pcamflow.toml", text).map_err(|error| error.to_string())?;
        Settings::of(table, given.map(str::to_owned), None, "pcamflow.toml")
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_overrides_the_file_and_none_is_none() {
        let text = "[remote]\nurl = \"s3://team/pcam\"\nshow = \"all\"\ntimeout = \"2s\"\n";
        let settings = of(text, None).unwrap().unwrap();
        assert_eq!(
            (settings.url.as_str(), settings.push, settings.show),
            ("s3://team/pcam", true, Some(Show::All))
        );
        assert_eq!(settings.timeout, Duration::from_secs(2));
        let other = of(text, Some("https://example.org/pcam")).unwrap().unwrap();
        assert_eq!(
            (other.url.as_str(), other.push),
            ("https://example.org/pcam", false),
            "a web server is only read"
        );
        assert_eq!(of(text, Some("none")), Ok(None));
        assert_eq!(of("", None), Ok(None));
        assert!(of("", Some("file:///mnt/x")).unwrap().unwrap().push);
    }

    #[test]
    fn mistakes_have_their_place_and_advice() {
        let said = |text: &str| of(text, None).unwrap_err();
        assert!(said("[remote]\nurl = \"s3://b\"\npus = true\n").ends_with(": did you mean `push`?"));
        assert!(
            said("[remote]\nurl = \"s3://b\"\npus = true\n")
                .starts_with("pcamflow.toml:3: unknown field `pus`")
        );
        assert!(said("[remote]\nurl = 3\n").starts_with("pcamflow.toml:2: invalid type"));
        assert!(said("[remote]\nurl = \"s3://b\"\ntimeout = \"soon\"\n").contains("with its unit"));
        assert!(said("[remote]\nurl = \"https://b\"\npush = true\n").contains("can only be read"));
        assert!(said("[remote]\nurl = \"https://me:secret@b\"\n").contains("a user or a password"));
        assert!(said("[remote]\nurl = \"az://c/p?sig=abc\"\n").contains("a query"));
        assert!(!said("[remote]\nurl = \"az://c/p?sig=abc\"\n").contains("abc"), "no secret is printed");
    }

    #[test]
    fn pictures_are_what_people_look_at() {
        let wants = |file| Show::Pictures.wants(file);
        assert!(wants("panel.png") && wants("report.txt") && wants("metrics.json"));
        assert!(!wants("model.safetensors") && !wants("maps.h5") && !wants("plots/"));
        assert!(Show::All.wants("maps.h5") && !Show::None.wants("panel.png"));
    }
}
