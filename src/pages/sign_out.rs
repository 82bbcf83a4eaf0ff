use super::{
    cookies::Cookie,
    visit::{Done, Visit},
};
use crate::{
    audit::Opened,
    story::{self, Ending},
};

/// `POST /sign-out`: over at once, on every node.
pub async fn perform(visit: &Visit, opened: &mut Opened) -> Result<Done, Ending> {
    let released = story::sign_out(&visit.pages.sessions, &visit.session, opened).await?;
    let cookies = vec![Cookie::Session.forgotten(&visit.pages.base)];
    Ok(Done { released, to: Some("/?signed-out=yes".to_owned()), cookies })
}
