//! What people see: plain HTML, made here, that needs no JavaScript and holds none.
//!
//! Promises: a page that shows anything of anyone is a story, decided and written down before a byte of it leaves; nothing is
//! done by a form that this gateway did not make for this very session; no page loads, sends or is framed by anything that is
//! not ours; what a token says never reaches a browser or a log.
//!
//! `door` takes a request in, `visit` is somebody signed in who makes it, `layout` and `components` write what it becomes.

mod assets;
mod base;
mod chart;
mod components;
mod cookies;
mod cross_site;
mod door;
mod form;
mod front;
mod headers;
mod input;
mod layout;
mod place;
mod providers;
mod route;
mod server;
mod sign_in;
mod sign_out;
mod trouble;
mod visit;
mod words;

pub use base::Base;
pub use form::Fields;
pub use layout::{Frame, Page};
pub use route::{PAGES, PageRoute};
pub use server::{Pages, SIGN_INS_MAX, routes};
pub use visit::{Done, Undone, Visit};
