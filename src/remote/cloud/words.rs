//! The errors of servers in words. Never contains a URL with its query or a header: there may be secrets in them.

use std::time::Duration;

use object_store::{
    Error,
    client::{HttpError, HttpErrorKind},
};

use super::super::client::Trouble;

/// The trouble of a server that does not answer.
pub(super) fn silent(timeout: Duration) -> Trouble {
    let timeout = humantime::format_duration(timeout);
    Trouble::Unreachable(format!("it did not answer within {timeout}"))
}

/// What an error means.
pub(super) fn trouble(error: &Error) -> Trouble {
    if let Some(http) = causes(error).find_map(|cause| cause.downcast_ref::<HttpError>()) {
        return from_line(http);
    }
    let answer = causes(error).find_map(|cause| answer(&cause.to_string()));
    match (error, answer) {
        (Error::NotFound { .. }, Some((_, said))) if said.contains("NoSuchBucket") => {
            Trouble::Unusable("there is no such bucket".to_owned())
        }
        (Error::NotFound { .. }, _) => Trouble::Gone,
        (_, Some((status, said))) => from_server(status, &said),
        (Error::PermissionDenied { .. } | Error::Unauthenticated { .. }, None) => {
            Trouble::Refused("access is denied".to_owned())
        }
        (other, None) => {
            let text = last(other);
            // A part that does not exist, or that a server cannot send.
            let of_a_part = ["range", "Range", "partial"].iter().any(|word| text.contains(word));
            if of_a_part { Trouble::Wrong(text) } else { Trouble::Unusable(text) }
        }
    }
}

/// Whether a server does not know what it is asked for.
pub(super) fn is_unsupported(error: &Error) -> bool {
    let known = matches!(error, Error::NotImplemented { .. } | Error::NotSupported { .. });
    known || causes(error).any(|cause| answer(&cause.to_string()).is_some_and(|(status, _)| status == 501))
}

/// Whether a server sends a whole object instead of a part.
pub(super) fn sends_no_parts(error: &Error) -> bool {
    causes(error).any(|cause| cause.to_string().contains("non-partial"))
}

/// An error, what caused it, and so on.
fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

/// The status of an answer and the word for it, in the text of an error. `object_store` has no other way to tell.
fn answer(text: &str) -> Option<(u16, String)> {
    let (_, rest) = text.split_once("non-2xx status code: ")?;
    let status = rest.get(..3)?.parse().ok()?;
    Some((status, message(rest).map(|said| format!(": {said}")).unwrap_or_default()))
}

/// An answer that says that something is wrong.
fn from_server(status: u16, said: &str) -> Trouble {
    match status {
        401 | 403 => {
            Trouble::Refused(format!("it refuses the credentials, or there are none ({status}{said})"))
        }
        // The object itself is not what was not found: it is the place that has the credentials.
        404 => Trouble::Refused(format!("there are no credentials ({status}{said})")),
        416 => Trouble::Wrong(format!("it is shorter than it should be ({status})")),
        429 | 500.. => Trouble::Unreachable(format!("it answers {status}{said}")),
        _ => Trouble::Unusable(format!("it answers {status}{said}")),
    }
}

/// No answer, or half of one.
fn from_line(error: &HttpError) -> Trouble {
    let cause = last(error);
    Trouble::Unreachable(match error.kind() {
        HttpErrorKind::Connect => format!("it cannot be reached: {cause}"),
        HttpErrorKind::Timeout => "it does not answer".to_owned(),
        _ => format!("the connection broke: {cause}"),
    })
}

/// What a server says in XML or JSON: `AccessDenied`, `NoSuchBucket`.
fn message(body: &str) -> Option<String> {
    let between = |open: &str, close: &str| {
        let (_, rest) = body.split_once(open)?;
        rest.split_once(close).map(|(text, _)| text.trim().to_owned())
    };
    let said = between("<Code>", "</Code>").or_else(|| between("\"message\": \"", "\""))?;
    let is_plain = said.len() < 200 && !said.contains("://");
    is_plain.then_some(said)
}

/// The first cause of an error, which has no URL.
fn last(error: &(dyn std::error::Error + 'static)) -> String {
    let text = causes(error).last().unwrap_or(error).to_string();
    match text.split_once('?') {
        Some((before, _)) if before.contains("://") => before.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_one_word_without_secrets() {
        let xml = "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>x</Message></Error>";
        assert_eq!(message(xml).as_deref(), Some("NoSuchBucket"));
        assert_eq!(message("{\"error\": {\"message\": \"Not found.\"}}").as_deref(), Some("Not found."));
        assert_eq!(message("<Code>https://x/?sig=1</Code>"), None);
        assert_eq!(message("<html>"), None);
    }

    #[test]
    fn an_answer_is_found_in_the_text_of_an_error() {
        let text = "Server returned non-2xx status code: 403 Forbidden: <Code>AccessDenied</Code>";
        assert_eq!(answer(text), Some((403, ": AccessDenied".to_owned())));
        assert_eq!(
            answer("Server returned non-2xx status code: 503 Service Unavailable: "),
            Some((503, String::new()))
        );
        assert_eq!(answer("connection closed"), None);
    }

    #[test]
    fn a_url_in_a_cause_loses_its_query() {
        let error = std::io::Error::other("error for https://host/path?sig=secret");
        assert_eq!(last(&error), "error for https://host/path");
    }
}
