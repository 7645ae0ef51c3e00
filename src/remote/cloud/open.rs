//! Opens the store of a URL. Credentials come from where the provider's own tools look: the environment, files in the
//! home folder, the machine.

use std::{path::PathBuf, sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ClientOptions, Error, ObjectStore, RetryConfig, aws::AmazonS3Builder,
    azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder, http::HttpBuilder, local::LocalFileSystem,
    path::Path as Name,
};

use super::{
    super::{
        client::{Answer, Trouble},
        settings::Settings,
    },
    aws,
};
use crate::fsx;

/// How long a server may be silent while bytes are moved.
const SILENCE: Duration = Duration::from_secs(30);

const KINDS: &str = "write s3://BUCKET/PATH, gs://BUCKET/PATH, az://CONTAINER/PATH, https://HOST/PATH or \
                     file:///FOLDER";

/// What a store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Questions and answers, also large ones: the server must not be silent.
    Questions,
    /// Sending large bodies, while the server says nothing.
    Uploads,
}

/// The store, and the path before all names.
pub(super) fn open(settings: &Settings, what: Use) -> Answer<(Arc<dyn ObjectStore>, Name)> {
    let url = settings.url.as_str();
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(Trouble::Unusable(format!("`{url}` is no URL: {KINDS}")));
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = Name::parse(path.trim_end_matches('/')).map_err(|_| {
        Trouble::Unusable(format!(
            "the path of `{url}` has empty or unusual parts: use letters, digits and -_."
        ))
    })?;
    let built = match scheme {
        "file" => return folder(host, rest),
        "s3" | "s3a" => s3(settings, what, host),
        "gs" => google(settings, what, host),
        "az" | "azure" | "abfs" | "abfss" => azure(settings, what, url),
        "http" | "https" => return web(settings, what, &format!("{scheme}://{host}"), path),
        _ => return Err(Trouble::Unusable(format!("`{scheme}://` is no kind of remote store: {KINDS}"))),
    };
    Ok((built.map_err(|error| unusable(&error))?, path))
}

fn unusable(error: &Error) -> Trouble {
    match super::words::trouble(error) {
        Trouble::Unreachable(text) | Trouble::Wrong(text) => Trouble::Unusable(text),
        trouble => trouble,
    }
}

/// A folder on this machine, for example one that is mounted. The last part of the path is created, no more: what it
/// lies in may not be mounted.
fn folder(host: &str, rest: &str) -> Answer<(Arc<dyn ObjectStore>, Name)> {
    if !host.is_empty() {
        return Err(Trouble::Unusable(
            "a folder is written with three slashes: file:///mnt/shared".to_owned(),
        ));
    }
    let folder = PathBuf::from(rest);
    let above = fsx::parent(&folder);
    if !above.is_dir() {
        return Err(Trouble::Unusable(format!("there is no folder {}: is it mounted?", above.display())));
    }
    fsx::create_folder(&folder).map_err(|error| Trouble::Unusable(error.to_string()))?;
    let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| unusable(&error))?;
    Ok((Arc::new(store), Name::default()))
}

fn s3(settings: &Settings, what: Use, bucket: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let profile = settings.profile.clone().or_else(|| variable("AWS_PROFILE"));
    let profile = aws::profile(profile.as_deref()).filter(|_| !settings.anonymous).unwrap_or_default();
    let endpoint = settings.endpoint.clone().or_else(|| variable("AWS_ENDPOINT_URL"));
    let endpoint = endpoint.or_else(|| variable("AWS_ENDPOINT")).or_else(|| profile.endpoint.clone());
    let mut builder = profile.apply(AmazonS3Builder::from_env());
    if let Some(endpoint) = &endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
    let builder = builder
        .with_bucket_name(bucket)
        .with_skip_signature(settings.anonymous)
        .with_client_options(options(endpoint.as_deref(), what))
        .with_retry(retries(what));
    Ok(Arc::new(builder.build()?))
}

fn google(settings: &Settings, what: Use, bucket: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let mut builder = GoogleCloudStorageBuilder::from_env();
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    let builder = builder
        .with_bucket_name(bucket)
        .with_skip_signature(settings.anonymous)
        .with_client_options(options(settings.endpoint.as_deref(), what))
        .with_retry(retries(what));
    Ok(Arc::new(builder.build()?))
}

fn azure(settings: &Settings, what: Use, url: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let mut builder = MicrosoftAzureBuilder::from_env().with_url(url);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    let builder = builder
        .with_skip_signature(settings.anonymous)
        .with_client_options(options(settings.endpoint.as_deref(), what))
        .with_retry(retries(what));
    Ok(Arc::new(builder.build()?))
}

/// A web server. It is only read.
fn web(settings: &Settings, what: Use, host: &str, path: Name) -> Answer<(Arc<dyn ObjectStore>, Name)> {
    let url = settings.endpoint.as_deref().unwrap_or(host);
    let builder = HttpBuilder::new()
        .with_url(url)
        .with_client_options(options(Some(url), what))
        .with_retry(retries(what));
    Ok((Arc::new(builder.build().map_err(|error| unusable(&error))?), path))
}

/// How to speak to a server. Plain HTTP only if its address says so.
fn options(address: Option<&str>, what: Use) -> ClientOptions {
    use_ring();
    let plain = address.is_some_and(|address| address.starts_with("http://"));
    let options = ClientOptions::new()
        .with_allow_http(plain)
        .with_timeout_disabled()
        .with_connect_timeout(Duration::from_secs(5));
    match what {
        Use::Questions => options.with_read_timeout(SILENCE),
        Use::Uploads => options.with_read_timeout_disabled(),
    }
}

fn retries(what: Use) -> RetryConfig {
    let limit = match what {
        Use::Questions => Duration::from_secs(30),
        Use::Uploads => Duration::from_secs(240),
    };
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: 3, retry_timeout: limit }
}

/// TLS is that of the crate `ring`, which compiles in seconds. An error means that it is chosen already.
fn use_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
