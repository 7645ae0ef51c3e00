//! The files in which AWS's own tools keep credentials: `~/.aws/credentials` and `~/.aws/config`.
//!
//! The environment is read by `object_store` itself, and overrides them.

use std::path::PathBuf;

use configparser::ini::Ini;
use object_store::aws::AmazonS3Builder;

/// What a profile contains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Profile {
    key: Option<(String, String)>,
    token: Option<String>,
    region: Option<String>,
    pub(super) endpoint: Option<String>,
}

/// The profile with this name, else the one named `default`; `None` if there is no such file or profile.
pub(super) fn profile(name: Option<&str>) -> Option<Profile> {
    let file = |variable: &str, default: &str| {
        let given = std::env::var_os(variable).map(PathBuf::from);
        let path =
            given.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".aws").join(default)))?;
        std::fs::read_to_string(path).ok()
    };
    let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
    let config = file("AWS_CONFIG_FILE", "config");
    let name = name.unwrap_or("default");
    let found = read(credentials.as_deref(), config.as_deref(), name);
    (found != Profile::default()).then_some(found)
}

fn read(credentials: Option<&str>, config: Option<&str>, name: &str) -> Profile {
    let parse = |text: Option<&str>| {
        let mut ini = Ini::new_cs();
        // A file that cannot be read has no credentials; the server says that they are missing.
        let _ = ini.read(text.unwrap_or_default().to_owned());
        ini
    };
    let (credentials, config) = (parse(credentials), parse(config));
    let section = if name == "default" { name.to_owned() } else { format!("profile {name}") };
    let get = |key: &str| credentials.get(name, key).or_else(|| config.get(&section, key));
    Profile {
        key: get("aws_access_key_id").zip(get("aws_secret_access_key")),
        token: get("aws_session_token"),
        region: get("region"),
        endpoint: get("endpoint_url"),
    }
}

impl Profile {
    /// Adds what the environment does not say.
    pub(super) fn apply(self, mut builder: AmazonS3Builder) -> AmazonS3Builder {
        let is_set = |variable: &str| std::env::var_os(variable).is_some();
        if let Some((id, secret)) = self.key.filter(|_| !is_set("AWS_ACCESS_KEY_ID")) {
            builder = builder.with_access_key_id(id).with_secret_access_key(secret);
            if let Some(token) = self.token {
                builder = builder.with_token(token);
            }
        }
        if let Some(region) = self.region.filter(|_| !is_set("AWS_REGION") && !is_set("AWS_DEFAULT_REGION")) {
            builder = builder.with_region(region);
        }
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "[default]\naws_access_key_id = A\naws_secret_access_key = s/+=cret\n\n\
                               [lab]\naws_access_key_id=B\naws_secret_access_key=t\naws_session_token=u\n";
    const CONFIG: &str =
        "[default]\nregion = eu-west-1\n[profile lab]\nregion=us-east-2\nendpoint_url=http://s3.lab\n";

    #[test]
    fn profiles_are_read_as_aws_does() {
        let key = |id: &str, secret: &str| Some((id.to_owned(), secret.to_owned()));
        let default = read(Some(CREDENTIALS), Some(CONFIG), "default");
        assert_eq!((default.key, default.region.as_deref()), (key("A", "s/+=cret"), Some("eu-west-1")));
        let lab = read(Some(CREDENTIALS), Some(CONFIG), "lab");
        assert_eq!((lab.key, lab.token.as_deref()), (key("B", "t"), Some("u")));
        assert_eq!(
            (lab.region.as_deref(), lab.endpoint.as_deref()),
            (Some("us-east-2"), Some("http://s3.lab"))
        );
        assert_eq!(read(Some(CREDENTIALS), None, "other"), Profile::default());
        assert_eq!(read(Some("[[["), None, "default"), Profile::default());
    }
}
