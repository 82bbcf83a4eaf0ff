//! What is asked, a file for each sort of question.

mod errors;
mod filters;
mod in_turns;
mod paging;
mod patients;
mod reachable;
mod replicas;
mod sign_in;
mod speed;
mod statement;
mod types;

pub use errors::errors;
pub use filters::filters;
pub use in_turns::in_turns;
pub use paging::paging;
pub use patients::patients;
pub use reachable::reachable;
pub use replicas::replicas;
pub use sign_in::sign_in;
pub use speed::speed;
pub use statement::statement;
pub use types::types;
