//! What the web server answers: the page's files, and the control API, version 1, over HTTP.
//!
//! `POST /api/v1/METHOD` takes the parameters of a method and answers with the message that the control
//! socket would send; `GET /api/v1/follow` and `/api/v1/events` are streams of server-sent events. All of
//! it is for sessions of this run only, see [`Keys`]. `openapi.json` is the same for programs.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, Query, Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use futures_util::stream::{Stream, unfold};
use serde::Deserialize;
use serde_json::Value;

use super::keys::Keys;
use super::listener::Visitor;
use crate::control::inlet::Inlet;
use crate::control::protocol::{Code, Failure, MAX_REQUEST, Reply, Request};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const JSON: &str = "application/json";

/// The files of the page: path, type, content.
const FILES: &[(&str, &str, &str)] = &[
    ("/board.css", CSS, include_str!("page/board.css")),
    ("/board.js", JS, include_str!("page/board.js")),
    ("/model.js", JS, include_str!("page/model.js")),
    ("/wave.js", JS, include_str!("page/wave.js")),
    ("/wires.js", JS, include_str!("page/wires.js")),
    ("/api/v1/openapi.json", JSON, include_str!("openapi.json")),
];

/// The look of the page for a browser without a session.
const REFUSED: &str = include_str!("page/refused.css");

/// Sent with every answer: the page loads nothing from other servers, no site frames it, and no cache and no
/// other site learns of it.
const HEADERS: [(HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

#[derive(Clone)]
struct App {
    inlet: Inlet,
    keys: Arc<Keys>,
}

/// Everything that is served.
pub(super) fn router(inlet: Inlet, keys: Arc<Keys>) -> Router {
    let app = App { inlet, keys };
    let mut private = Router::new()
        .route("/api/v1/follow", get(follow).post(get_it))
        .route("/api/v1/events", get(events).post(get_it))
        .route("/api/v1/{method}", post(ask));
    for (path, kind, content) in FILES {
        private = private.route(
            path,
            get(async || ([(header::CONTENT_TYPE, *kind)], *content)),
        );
    }
    private
        .layer(middleware::from_fn_with_state(app.clone(), members_only))
        .route("/", get(page))
        // The page for a browser without a session.
        .route(
            "/refused.css",
            get(async || ([(header::CONTENT_TYPE, CSS)], REFUSED)),
        )
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .layer(middleware::from_fn_with_state(app.clone(), by_our_name))
        .layer(middleware::map_response(with_headers))
        .with_state(app)
}

async fn with_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

/// The token of a link.
#[derive(Deserialize)]
struct Link {
    token: Option<String>,
}

/// The page. With a token, first the exchange of it for a session.
async fn page(
    State(app): State<App>,
    ConnectInfo(visitor): ConnectInfo<Visitor>,
    Query(link): Query<Link>,
    headers: HeaderMap,
) -> Response {
    let session = link
        .token
        .as_deref()
        .and_then(|token| app.keys.exchange(token, visitor.peer));
    let is_member = app.is_member(&headers, &visitor);
    match (session, link.token.is_some()) {
        // Away from the token at once: it stays in no history, and a reload does not show it again.
        (Some(cookie), _) => (
            StatusCode::SEE_OTHER,
            [(header::SET_COOKIE, cookie), (header::LOCATION, "/".into())],
        )
            .into_response(),
        (None, true) if is_member => {
            (StatusCode::SEE_OTHER, [(header::LOCATION, "/")]).into_response()
        }
        (None, false) if is_member => (
            [(header::CONTENT_TYPE, HTML)],
            include_str!("page/index.html"),
        )
            .into_response(),
        _ => (
            StatusCode::FORBIDDEN,
            [(header::CONTENT_TYPE, HTML)],
            include_str!("page/refused.html"),
        )
            .into_response(),
    }
}

impl App {
    fn is_member(&self, headers: &HeaderMap, visitor: &Visitor) -> bool {
        let mut cookies = headers.get_all(header::COOKIE).iter();
        let has_session = cookies.any(|value| {
            let text = value.to_str();
            text.is_ok_and(|text| self.keys.lets_in(text, visitor.peer))
        });
        if has_session {
            visitor.let_in();
        }
        has_session
    }
}

/// Lets through what was asked of the board by a name of its own: a page elsewhere whose name was made to
/// lead here is of another site for its browser, and so for us.
async fn by_our_name(State(app): State<App>, request: HttpRequest, next: Next) -> Response {
    let hosts = request.headers().get_all(header::HOST);
    let mut hosts = hosts.iter().map(HeaderValue::to_str);
    let place = app.keys.place();
    let is_ours = match (hosts.next(), hosts.next()) {
        (Some(Ok(host)), None) => place.is_host(host),
        _ => false,
    };
    let in_line = request.uri().authority();
    if is_ours && in_line.is_none_or(|authority| place.is_host(authority.as_str())) {
        return next.run(request).await;
    }
    let message = format!(
        "the live board is at http://{}/ and goes by no other name",
        place.0
    );
    let failure = Failure::new(Code::NotAllowed, message);
    let mut response = answer(Err(failure));
    *response.status_mut() = StatusCode::MISDIRECTED_REQUEST;
    response
}

/// Whether no page of another site made the browser ask.
fn is_own(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    let is_own_site = site.is_none_or(|site| site == "same-origin" || site == "none");
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let is_own_origin = match text(header::ORIGIN) {
        Some(origin) => origin.strip_prefix("http://") == text(header::HOST),
        None => !headers.contains_key(header::ORIGIN),
    };
    is_own_site && is_own_origin
}

/// Admits requests with a session, unless another site's page made the browser ask.
async fn members_only(
    State(app): State<App>,
    ConnectInfo(visitor): ConnectInfo<Visitor>,
    request: HttpRequest,
    next: Next,
) -> Response {
    if is_own(request.headers()) && app.is_member(request.headers(), &visitor) {
        return next.run(request).await;
    }
    let message = "open the link that `ugpio run --web` or `ugpio ctl web` prints";
    answer(Err(Failure::new(Code::NotAllowed, message)))
}

/// One request of the control API.
async fn ask(
    State(app): State<App>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    // A page elsewhere cannot send this type without being asked for leave first, and gets none.
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(JSON.as_bytes()));
    if !is_json {
        let message = "the content type is not application/json";
        return answer(Err(Failure::new(Code::BadMessage, message)));
    }
    match request(&method, &body) {
        Ok(request) => answer(app.inlet.ask(request).await),
        Err(failure) => answer(Err(failure)),
    }
}

fn request(method: &str, body: &[u8]) -> Result<Request, Failure> {
    let body: &[u8] = if body.is_empty() { b"{}" } else { body };
    let params: Value = serde_json::from_slice(body)
        .map_err(|e| Failure::new(Code::BadMessage, format!("not a JSON object: {e}")))?;
    Request::of(method, params)
}

/// A stream is asked for in another way.
async fn get_it() -> Response {
    let message = "this method is a stream: get it";
    answer(Err(Failure::new(Code::BadMessage, message)))
}

/// The message that answers, with the status that says the same.
fn answer(result: Result<Value, Failure>) -> Response {
    let status = result.as_ref().err().map_or(StatusCode::OK, status);
    let reply = result.map_or_else(Reply::Failure, Reply::Result);
    (status, [(header::CONTENT_TYPE, JSON)], reply.text()).into_response()
}

fn status(failure: &Failure) -> StatusCode {
    match failure.code {
        Code::BadMessage | Code::BadVersion | Code::BadParams => StatusCode::BAD_REQUEST,
        Code::NotAllowed => StatusCode::FORBIDDEN,
        Code::UnknownMethod | Code::NoSuchChip | Code::NoSuchLine => StatusCode::NOT_FOUND,
        // Not 408, after which browsers ask again on their own.
        Code::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        Code::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::CONFLICT,
    }
}

/// The board and its updates, as server-sent events.
async fn follow(State(app): State<App>) -> Response {
    let following = match app.inlet.follow().await {
        Ok(following) => following,
        Err(failure) => return answer(Err(failure)),
    };
    let messages = unfold(Some(following), move |following| {
        let inlet = app.inlet.clone();
        async move {
            let mut following = following?;
            let Some(text) = following.next(&inlet).await else {
                return Some((ended(), None));
            };
            Some((sent(&text), Some(following)))
        }
    });
    stream(messages)
}

/// Every event, as server-sent events.
async fn events(State(app): State<App>) -> Response {
    let hearing = match app.inlet.events().await {
        Ok(hearing) => hearing,
        Err(failure) => return answer(Err(failure)),
    };
    stream(unfold(Some(hearing), async |hearing| {
        let mut hearing = hearing?;
        let Some(text) = hearing.next().await else {
            return Some((ended(), None));
        };
        Some((sent(&text), Some(hearing)))
    }))
}

/// What comes last when the run is over: a connection that is lost has no such end.
fn ended() -> Result<Event, Infallible> {
    Ok(Event::default().event("end").data("{}"))
}

fn sent(text: &str) -> Result<Event, Infallible> {
    Ok(Event::default().data(text))
}

fn stream(messages: impl Stream<Item = Result<Event, Infallible>> + Send + 'static) -> Response {
    Sse::new(messages)
        .keep_alive(KeepAlive::default())
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The methods that [`Request::of`] knows, read off its source: one that is added is asked for here
    /// by construction.
    fn methods() -> Vec<&'static str> {
        let source = include_str!("../control/protocol.rs");
        let (_, body) = source.split_once("match method {").unwrap();
        let (arms, _) = body.split_once("_ =>").unwrap();
        let quoted = |line: &'static str| line.trim().strip_prefix('"')?.split_once("\" =>");
        arms.lines()
            .filter_map(quoted)
            .map(|(name, _)| name)
            .collect()
    }

    fn is_known(method: &str) -> bool {
        let result = Request::of(method, serde_json::json!({}));
        result
            .err()
            .is_none_or(|failure| failure.code != Code::UnknownMethod)
    }

    #[test]
    fn the_documents_list_every_method_and_no_other() {
        let methods = methods();
        assert!(methods.len() > 10 && methods.iter().all(|method| is_known(method)));
        let openapi: Value = serde_json::from_str(include_str!("openapi.json")).unwrap();
        let paths = openapi["paths"].as_object().unwrap();
        let page = include_str!("../../../../docs/control.md");
        let (_, table) = page.split_once("### Methods").unwrap();
        let (table, _) = table.split_once("\n### ").unwrap();
        for method in &methods {
            let path = &paths
                .get(&format!("/api/v1/{method}"))
                .unwrap_or(&Value::Null);
            let is_stream = matches!(*method, "follow" | "events");
            let verb = if is_stream { "get" } else { "post" };
            assert!(path[verb].is_object(), "{method} is not in openapi.json");
            assert!(
                table.contains(&format!("\n| `{method}` |")),
                "{method} is not in docs/control.md"
            );
        }
        assert_eq!(paths.len(), methods.len(), "openapi.json has more");
        let rows = table.lines().filter(|line| line.starts_with("| `"));
        assert_eq!(rows.count(), methods.len(), "docs/control.md has more");
    }

    #[test]
    fn the_document_names_every_code_and_what_it_refers_to() {
        let text = include_str!("openapi.json");
        let openapi: Value = serde_json::from_str(text).unwrap();
        let source = include_str!("../control/protocol.rs");
        let (_, body) = source.split_once("pub(crate) enum Code {").unwrap();
        let (body, _) = body.split_once("#[serde(other)]").unwrap();
        let codes = &openapi["components"]["schemas"]["Failure"]["properties"]["error"]["properties"]
            ["code"]["enum"];
        let variants = body
            .lines()
            .map(str::trim)
            .filter(|line| line.ends_with(','));
        assert_eq!(variants.count(), codes.as_array().unwrap().len());
        for code in codes.as_array().unwrap() {
            let known: Code = serde_json::from_value(code.clone()).unwrap();
            assert_ne!(known, Code::Unknown, "{code}");
        }
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let (name, _) = reference.split_once('"').unwrap();
            assert!(openapi["components"]["schemas"][name].is_object(), "{name}");
        }
    }
}
