//! The one table from what went wrong to what a person reads. No word of it depends on what is stored, but on whether they may.

use super::{
    Base,
    components::{heading, reference},
    layout::{Frame, Page},
    server::{Pages, own},
};
use crate::{
    access::RefusalKind,
    api::Reply,
    domain::RequestId,
    identity::{PageSession, SignInFault, TokenFault},
    story::Ending,
};
use maud::html;

struct Words {
    title: &'static str,
    /// Each a sentence or two: what happened, and what to do now.
    said: &'static [&'static str],
}

pub fn status(status: u16, id: RequestId, base: &Base, session: Option<&PageSession>) -> Reply {
    reply(status, &of_status(status), id, base, session)
}

pub fn ending(ending: &Ending, id: RequestId, base: &Base, session: Option<&PageSession>) -> Reply {
    let words = match ending {
        Ending::Refused(refusal) => match refusal.kind {
            RefusalKind::Uniform => Words {
                title: "You cannot see this page",
                said: &[
                    "It is not for the role you signed in with, or not for your organisation.",
                    "If you have another role, sign out and choose that one when you sign in again. If you think that you should see \
                     this page, ask whoever looks after access in your organisation.",
                ],
            },
            RefusalKind::NoConsent => Words {
                title: "The patient objects to this being shared",
                said: &["Ask the patient. What your own organisation holds is in your own system."],
            },
            RefusalKind::CouldNotCheck => Words {
                title: "This cannot be checked just now",
                said: &["Whether your organisation cares for this patient could not be checked. Try again shortly."],
            },
        },
        Ending::InState(_) => of_status(409),
        other => of_status(other.status()),
    };
    reply(ending.status(), &words, id, base, session)
}

pub fn sign_in(fault: SignInFault, id: RequestId, pages: &Pages) -> Reply {
    const AGAIN: &str = "Go back to the first page and sign in again.";
    let words = match fault {
        SignInFault::NoSuchWay => of_status(404),
        SignInFault::NotBegun | SignInFault::Repeated | SignInFault::Code => Words {
            title: "You are not signed in",
            said: &["The sign-in took too long, was begun in another browser, or had ended already.", AGAIN],
        },
        SignInFault::NotSignedIn => {
            Words { title: "You are not signed in", said: &["The sign-in was not completed.", AGAIN] }
        }
        SignInFault::Person(TokenFault::Unavailable) | SignInFault::Unavailable => Words {
            title: "Signing in does not work just now",
            said: &["The service that you sign in with, or this one, did not answer. Try again in a few minutes."],
        },
        SignInFault::Person(TokenFault::Assurance) => Words {
            title: "A stronger sign-in is needed",
            said: &[
                "For this service you sign in with two steps, such as a smartcard or a code, or with a fully proved identity.",
                AGAIN,
            ],
        },
        SignInFault::Person(_) => Words {
            title: "You cannot use this service",
            said: &[
                "What you signed in with does not say who you are here: a member of staff with a role that was chosen, or a patient \
                 whose identity is fully proved.",
                "If you have a role, sign in again and choose it.",
            ],
        },
        SignInFault::Revoked => Words {
            title: "You cannot use this service",
            said: &["Your access was ended. Ask whoever looks after access in your organisation."],
        },
    };
    reply(fault.status(), &words, id, &pages.base, None)
}

fn of_status(status: u16) -> Words {
    let (title, said): (_, &[_]) = match status {
        400 => (
            "This could not be understood",
            &["Something in the address or the form is not as it should be. Nothing was changed."],
        ),
        403 => (
            "This was not done",
            &[
                "The form was not sent from a page of this service that you have open, or you are no longer signed in. Nothing was changed.",
                "Go back to the first page, sign in if you are asked to, and try again.",
            ],
        ),
        404 => ("Page not found", &["If you typed the address, check it. If you followed a link, it may be old."]),
        405 => ("This page cannot be used like that", &["Go to it by a link or a form of this service."]),
        406 | 415 => ("This is not the kind of data that is taken here", &["Nothing was changed."]),
        408 => ("That took too long", &["What you sent did not arrive in time. Nothing was changed. Try again."]),
        409 | 412 => (
            "Somebody else changed this meanwhile",
            &["Nothing of yours was saved. Look at it again, then make your change."],
        ),
        410 => ("This page is out of date", &["What it was made from has changed. Start again from the first page."]),
        413 => ("That was too much", &["What you sent is larger than is taken here. Nothing was changed."]),
        414 => ("The address is too long", &["Go to the page by a link of this service."]),
        422 => ("This cannot be done", &["Something that was filled in cannot be so. Nothing was changed."]),
        429 => ("Too many requests", &["Wait a minute, then try again."]),
        502 | 504 => (
            "No answer came in time",
            &[
                "This does not mean that there is nothing. Try again in a few minutes.",
                "If you were changing something, look first whether it was done: it may have been.",
            ],
        ),
        503 => (
            "This service does not work just now",
            &[
                "It cannot check or write down what is seen, so it shows nothing. Try again in a few minutes.",
                "If you were changing something, look first whether it was done: it may have been.",
            ],
        ),
        _ => (
            "Something went wrong",
            &["It was written down under the reference below. Try again; if it happens again, tell your support."],
        ),
    };
    Words { title, said }
}

fn reply(status: u16, words: &Words, id: RequestId, base: &Base, session: Option<&PageSession>) -> Reply {
    let main = html! {
        (heading(words.title))
        @for text in words.said { p { (text) } }
        p { a href=(base.link("/")) { "Go to the first page" } }
        (reference(id))
    };
    let page = Page::new(words.title, None, main);
    own(status, Frame { base, session }.html(&page))
}
