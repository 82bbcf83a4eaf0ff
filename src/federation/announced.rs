use crate::domain::RequestId;

/// Proof that the log knows of a request, and the id by which providers' logs and ours are held together. Only the audit has
/// one to give, for an intent that has committed; without it nobody is asked anything:
/// ```compile_fail,E0277
/// use caregate::{domain::RequestId, federation::{Federation, Question}, registry::Plan};
/// async fn unheard_of(federation: &Federation, plan: &Plan, question: Question<'_>) {
///     federation.gather(plan, question, &RequestId::fresh()).await;
/// }
/// ```
pub trait Announced {
    fn request_id(&self) -> RequestId;
}
