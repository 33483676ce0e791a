//! Objects of a store: what the crate `object_store` does, by calls that wait for it.

use std::collections::HashMap;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{
    BackoffConfig, Error, ObjectStore, ObjectStoreExt, PutPayload, Result, RetryConfig, WriteMultipart,
};
use tokio::runtime::{Builder, Handle};

/// Objects that are larger are sent in parts of this size, each of which is tried again by itself: a request ends after half a minute.
const PART: usize = 8 << 20;
/// How many parts are on their way at once.
const PARTS: usize = 4;

/// A place in a bucket: an object, or the folder that its name begins with.
#[derive(Clone)]
pub(super) struct Object {
    store: Arc<dyn ObjectStore>,
    bucket: String,
    key: String,
}

impl Object {
    /// Returns the place of the address `scheme://bucket/key`. The variables of the environment say the rest.
    ///
    /// # Errors
    /// A scheme that no store has, no bucket, or variables that contradict each other.
    pub(super) fn new(scheme: &str, bucket: &str, key: &str) -> io::Result<Self> {
        static STORES: Mutex<Option<HashMap<String, Arc<dyn ObjectStore>>>> = Mutex::new(None);
        if bucket.is_empty() {
            return Err(invalid(format!("the address has no bucket: write it as {scheme}://bucket/name")));
        }
        let of = format!("{scheme}://{bucket}");
        let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
        let stores = stores.get_or_insert_default();
        let store = match stores.get(&of) {
            Some(store) => store.clone(),
            None => {
                let store = store(scheme, &of)?;
                stores.insert(of, store.clone());
                store
            }
        };
        Ok(Self { store, bucket: bucket.to_owned(), key: key.trim_matches('/').to_owned() })
    }

    pub(super) fn join(&self, name: &str) -> Self {
        Self { key: format!("{}/{name}", self.key).trim_matches('/').to_owned(), ..self.clone() }
    }

    pub(super) fn read(&self) -> io::Result<Vec<u8>> {
        let bytes = self.ask(|store, key| async move { store.get(&key).await?.bytes().await })?;
        Ok(bytes.into())
    }

    /// Writes an object, which is there when it is whole, and not before.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let payload = bytes.to_vec();
        self.ask(|store, key| async move {
            if payload.len() <= PART {
                return store.put(&key, PutPayload::from(payload)).await.map(drop);
            }
            let mut parts = WriteMultipart::new_with_chunk_size(store.put_multipart(&key).await?, PART);
            for part in payload.chunks(PART) {
                if let Err(error) = parts.wait_for_capacity(PARTS).await {
                    // What was sent takes space until it is removed, and nothing else.
                    let _ = parts.abort().await;
                    return Err(error);
                }
                parts.write(part);
            }
            parts.finish().await.map(drop)
        })
    }

    pub(super) fn exists(&self) -> io::Result<bool> {
        match self.ask(|store, key| async move { store.head(&key).await }) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            asked => asked.map(|_| true),
        }
    }

    /// Returns the names of the objects in a folder.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let list = self.ask_of_any(|store, key| async move { store.list_with_delimiter(Some(&key)).await })?;
        Ok(list.objects.iter().filter_map(|object| object.location.filename().map(str::to_owned)).collect())
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        self.ask(|store, key| async move { store.delete(&key).await })
    }

    /// Asks the store about the object, and waits for its answer.
    fn ask<T, F>(&self, work: impl FnOnce(Arc<dyn ObjectStore>, Path) -> F) -> io::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        if self.key.is_empty() {
            return Err(invalid("the address names a bucket, and nothing in it".to_owned()));
        }
        self.ask_of_any(work)
    }

    fn ask_of_any<T, F>(&self, work: impl FnOnce(Arc<dyn ObjectStore>, Path) -> F) -> io::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let key = Path::parse(&self.key)
            .map_err(|error| invalid(format!("the name cannot be one of an object ({error})")))?;
        wait(work(self.store.clone(), key))?.map_err(|error| self.explain(&error))
    }

    /// Says what went wrong, and what to do.
    fn explain(&self, error: &Error) -> io::Error {
        let said = plain(&error.to_string());
        let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
        let no_bucket = ["specified bucket does not exist", "specified container does not exist"];
        let (kind, advice) = match error {
            _ if has(&no_bucket) => {
                (ErrorKind::Other, format!("there is no bucket `{}`: create it, or correct the address", self.bucket))
            }
            Error::NotFound { .. } => {
                (ErrorKind::NotFound, "there is no such object: correct the address, or write it first".to_owned())
            }
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => (
                ErrorKind::PermissionDenied,
                format!("the store refuses it: correct the credentials, or let their owner read and write `{}`", self.bucket),
            ),
            _ if has(&["/latest/api/token", "/latest/meta-data", "/computeMetadata", "/metadata/identity"]) => (
                ErrorKind::PermissionDenied,
                "there are no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, GOOGLE_SERVICE_ACCOUNT, or \
                 AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY; files in ~/.aws are not read, and this machine has no role"
                    .to_owned(),
            ),
            _ if has(&["builder error"]) && has(&[" http://"]) => {
                (ErrorKind::Other, "its endpoint is plain http: set AWS_ALLOW_HTTP=true if that is meant".to_owned())
            }
            _ => return io::Error::other(said),
        };
        io::Error::new(kind, format!("{advice} ({said})"))
    }
}

/// Returns what a store said, of XML its message alone.
fn plain(said: &str) -> String {
    let message = said.split_once("<Message>").and_then(|(_, rest)| rest.split_once('<')).map(|(message, _)| message);
    match said.split_once('<').zip(message) {
        Some(((before, _), message)) => format!("{before}{message}"),
        None => said.to_owned(),
    }
}

/// A store that is busy, or not reached, is asked for half a minute or so. The crate's own ten times are over in two seconds.
fn patient() -> RetryConfig {
    let backoff = BackoffConfig { base: 4.0, ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: 12, ..RetryConfig::default() }
}

/// Connects to the store of `scheme://bucket`.
fn store(scheme: &str, bucket: &str) -> io::Result<Arc<dyn ObjectStore>> {
    // Another part of the program may have chosen; that choice stands.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Without credentials the machine is asked for its role. Of one that has none, that is said at once.
    macro_rules! of {
        ($builder:ty) => {{
            let new = || <$builder>::from_env().with_url(bucket);
            let store = new()
                .build()
                .and_then(|quick| new().with_credentials(quick.credentials().clone()).with_retry(patient()).build());
            store.map(|store| Arc::new(store) as Arc<dyn ObjectStore>)
        }};
    }
    let store = match scheme {
        "s3" | "s3a" => of!(AmazonS3Builder),
        "gs" => of!(GoogleCloudStorageBuilder),
        "az" | "abfs" | "abfss" => of!(MicrosoftAzureBuilder),
        _ => {
            let known = "those of object stores are s3, gs and az; a path of this machine has none";
            return Err(invalid(format!("nothing is known of the scheme `{scheme}://`: {known}")));
        }
    };
    store.map_err(|error| invalid(error.to_string()))
}

fn invalid(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, what)
}

/// Waits for `work`, which another thread does: whoever waits may be a thread of a runtime, which would not wait for its own.
fn wait<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> io::Result<T> {
    static RUNTIME: LazyLock<io::Result<Handle>> = LazyLock::new(|| {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let run = move || runtime.block_on(std::future::pending::<()>());
        std::thread::Builder::new().name("object store".to_owned()).spawn(run)?;
        Ok(handle)
    });
    let handle = RUNTIME.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
    let (tell, hear) = sync_channel(1);
    handle.spawn(async move {
        let _ = tell.send(work.await);
    });
    hear.recv().map_err(io::Error::other)
}
