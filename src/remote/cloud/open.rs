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

/// The store, and the path before all names.
pub(super) fn open(settings: &Settings) -> Answer<(Arc<dyn ObjectStore>, Name)> {
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
        "s3" | "s3a" => s3(settings, host),
        "gs" => google(settings, host),
        "az" | "azure" | "abfs" | "abfss" => azure(settings, url),
        "http" | "https" => return web(settings, &format!("{scheme}://{host}"), path),
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

/// A folder on this machine, for example one that is mounted. Its root is created, its path is the whole prefix.
fn folder(host: &str, rest: &str) -> Answer<(Arc<dyn ObjectStore>, Name)> {
    if !host.is_empty() {
        return Err(Trouble::Unusable(
            "a folder is written with three slashes: file:///mnt/shared".to_owned(),
        ));
    }
    let folder = PathBuf::from(rest);
    fsx::create_folder(&folder).map_err(|error| Trouble::Unusable(error.to_string()))?;
    let store = LocalFileSystem::new_with_prefix(&folder).map_err(|error| unusable(&error))?;
    Ok((Arc::new(store), Name::default()))
}

fn s3(settings: &Settings, bucket: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let mut builder = AmazonS3Builder::from_env();
    let profile = settings.profile.clone().or_else(|| std::env::var("AWS_PROFILE").ok());
    if !settings.anonymous
        && let Some(found) = aws::profile(profile.as_deref())
    {
        builder = found.apply(builder);
    }
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http://"));
    }
    if let Some(region) = &settings.region {
        builder = builder.with_region(region);
    }
    let builder = builder
        .with_bucket_name(bucket)
        .with_skip_signature(settings.anonymous)
        .with_client_options(options(settings.endpoint.as_deref()))
        .with_retry(retries());
    Ok(Arc::new(builder.build()?))
}

fn google(settings: &Settings, bucket: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let mut builder = GoogleCloudStorageBuilder::from_env();
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    let builder = builder
        .with_bucket_name(bucket)
        .with_skip_signature(settings.anonymous)
        .with_client_options(options(settings.endpoint.as_deref()))
        .with_retry(retries());
    Ok(Arc::new(builder.build()?))
}

fn azure(settings: &Settings, url: &str) -> Result<Arc<dyn ObjectStore>, Error> {
    let mut builder = MicrosoftAzureBuilder::from_env().with_url(url);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint.clone()).with_allow_http(endpoint.starts_with("http://"));
    }
    let builder = builder
        .with_skip_signature(settings.anonymous)
        .with_client_options(options(settings.endpoint.as_deref()))
        .with_retry(retries());
    Ok(Arc::new(builder.build()?))
}

/// A web server. It is only read.
fn web(settings: &Settings, host: &str, path: Name) -> Answer<(Arc<dyn ObjectStore>, Name)> {
    let url = settings.endpoint.as_deref().unwrap_or(host);
    let builder =
        HttpBuilder::new().with_url(url).with_client_options(options(Some(url))).with_retry(retries());
    Ok((Arc::new(builder.build().map_err(|error| unusable(&error))?), path))
}

/// How to speak to a server. Plain HTTP only if its address says so.
fn options(address: Option<&str>) -> ClientOptions {
    use_ring();
    let plain = address.is_some_and(|address| address.starts_with("http://"));
    ClientOptions::new()
        .with_allow_http(plain)
        .with_timeout_disabled()
        .with_read_timeout(SILENCE)
        .with_connect_timeout(Duration::from_secs(5))
}

fn retries() -> RetryConfig {
    let backoff = BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: 3, retry_timeout: Duration::from_secs(30) }
}

/// TLS is that of the crate `ring`, which compiles in seconds. An error means that it is chosen already.
fn use_ring() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}
