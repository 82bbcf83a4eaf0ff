use crate::access::{
    ContentFault, FaultCode,
    content::{Members, Node},
};
use std::borrow::Cow;

/// The extensions of an element, or the parts of one, taken by what they are called. One that nobody took was not understood.
pub(super) struct Extensions<'a>(Vec<(Cow<'a, str>, Node<'a>)>);

impl<'a> Extensions<'a> {
    pub fn of(members: &mut Members<'a>) -> Result<Self, ContentFault> {
        let list = members.take("extension").map(|list| list.items()).transpose()?.unwrap_or_default();
        let named = list.into_iter().map(|node| {
            let url = node.members()?.need("url")?.text()?;
            Ok((url, node))
        });
        named.collect::<Result<_, _>>().map(Self)
    }

    /// The parts of the one that is made of parts.
    pub fn parts(&mut self, url: &str) -> Result<Option<Self>, ContentFault> {
        let Some(node) = self.one(url)? else { return Ok(None) };
        let mut members = node.members()?;
        members.skip("url");
        let parts = Self::of(&mut members)?;
        members.done()?;
        if parts.0.is_empty() { Err(node.fault(FaultCode::Required, "needs parts")) } else { Ok(Some(parts)) }
    }

    /// The one value, of this type.
    pub fn value(&mut self, url: &str, value: &str) -> Result<Option<Node<'a>>, ContentFault> {
        self.one(url)?.map(|node| value_of(&node, value)).transpose()
    }

    /// Every value, of this type, but no more than `most`.
    pub fn values(&mut self, url: &str, value: &str, most: usize) -> Result<Vec<Node<'a>>, ContentFault> {
        let (wanted, left) = std::mem::take(&mut self.0).into_iter().partition(|(name, _)| name == url);
        self.0 = left;
        let wanted: Vec<(Cow<'_, str>, Node<'_>)> = wanted;
        if let Some((_, node)) = wanted.get(most) {
            return Err(node.fault(FaultCode::NotSupported, format!("{most} at most are understood here")));
        }
        wanted.iter().map(|(_, node)| value_of(node, value)).collect()
    }

    /// What may be there and says nothing that is listened to.
    pub fn skip(&mut self, url: &str) {
        self.0.retain(|(name, _)| name != url);
    }

    pub fn done(self) -> Result<(), ContentFault> {
        match self.0.first() {
            Some((_, node)) => Err(node.fault(FaultCode::NotSupported, "no extension that is understood here")),
            None => Ok(()),
        }
    }

    fn one(&mut self, url: &str) -> Result<Option<Node<'a>>, ContentFault> {
        let Some(at) = self.0.iter().position(|(name, _)| name == url) else { return Ok(None) };
        let (_, node) = self.0.remove(at);
        match self.0.iter().find(|(name, _)| name == url) {
            Some((_, second)) => Err(second.fault(FaultCode::NotSupported, "only one is understood here")),
            None => Ok(Some(node)),
        }
    }
}

fn value_of<'a>(node: &Node<'a>, value: &str) -> Result<Node<'a>, ContentFault> {
    let mut members = node.members()?;
    members.skip("url");
    let value = members.need(value)?;
    members.done()?;
    Ok(value)
}
