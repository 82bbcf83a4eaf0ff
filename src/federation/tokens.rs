//! What an entry holds where its type's token parameters look, read once. Few distinct tokens stand in an answer, however many
//! its entries: an entry names each by its place.

use super::Failure;
use crate::{
    fhir::json::Value,
    query::{
        System, Token,
        grammar::{DataType, Rule},
    },
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// The place of a token parameter in its type's rule, and of a token that the entry holds for it in its answer's.
pub type Held = (u8, u32);

/// The distinct tokens of an answer, as its entries bring them.
#[derive(Default)]
pub struct Tokens {
    all: Vec<Token>,
    places: HashMap<Token, u32>,
    systems: HashSet<Arc<str>>,
}

impl Tokens {
    pub fn read(&mut self, resource: Value<'_>, rule: &Rule) -> Result<Box<[Held]>, Failure> {
        let mut held = Vec::new();
        for (parameter, (_, data_type, paths)) in (0_u8..).zip(rule.tokens) {
            let mut found = Vec::new();
            for path in *paths {
                resource.each(path, &mut |value| self.tokens(value, *data_type, &mut found));
            }
            for token in found {
                held.push((parameter, self.place_of(token)?));
            }
        }
        held.sort_unstable();
        held.dedup();
        Ok(held.into_boxed_slice())
    }

    pub fn into_all(self) -> Vec<Token> {
        self.all
    }

    fn tokens(&mut self, value: Value<'_>, data_type: DataType, found: &mut Vec<Token>) {
        match data_type {
            DataType::Code(system) => {
                let code = value.as_str().filter(|code| !code.is_empty());
                found.extend(code.map(|code| Token { system: System::Implied(system), code: Some(code.into()) }));
            }
            DataType::Identifier => found.extend(self.said(value, "value")),
            DataType::CodeableConcept => {
                value.each("coding", &mut |coding| found.extend(self.said(coding, "code")));
            }
        }
    }

    fn said(&mut self, value: Value<'_>, code: &str) -> Option<Token> {
        let text = |key| value.text(key).filter(|text| !text.is_empty());
        let system = match text("system") {
            Some(system) => System::Said(self.system(&system)),
            None => System::None,
        };
        let code = text(code).map(Box::from);
        (code.is_some() || system != System::None).then_some(Token { system, code })
    }

    fn system(&mut self, system: &str) -> Arc<str> {
        if let Some(known) = self.systems.get(system) {
            return Arc::clone(known);
        }
        let new: Arc<str> = system.into();
        self.systems.insert(Arc::clone(&new));
        new
    }

    fn place_of(&mut self, token: Token) -> Result<u32, Failure> {
        if let Some(known) = self.places.get(&token) {
            return Ok(*known);
        }
        let at = u32::try_from(self.all.len()).map_err(|_| Failure::TooLarge)?;
        self.all.push(token.clone());
        self.places.insert(token, at);
        Ok(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fhir::{
            ResourceType,
            json::{self, Limits, Tape},
        },
        query::grammar,
    };

    fn read(tokens: &mut Tokens, resource_type: ResourceType, text: &str) -> Box<[Held]> {
        let mut tape = Tape::new();
        let resource = json::parse(text.as_bytes(), &mut Limits::default(), &mut tape).unwrap();
        tokens.read(resource, &grammar::rule(resource_type)).unwrap()
    }

    #[test]
    fn each_parameter_is_told_what_its_elements_hold_and_what_is_alike_is_kept_once() {
        let text = r#"{"status":"final","category":[{"coding":[{"system":"s","code":"lab"}]},{"text":"only words"}],
            "code":{"coding":[{"system":"s","code":"lab"},{"code":"bare"},{"system":"s","code":""},{"display":"x"}]},
            "identifier":[{"system":"ids","value":"A|1"},{"value":"2"}]}"#;
        let mut tokens = Tokens::default();
        let held = read(&mut tokens, ResourceType::Observation, text);
        assert_eq!(held, read(&mut tokens, ResourceType::Observation, text));
        let all = tokens.into_all();
        let said = |held: &Held| {
            let Token { system, code } = &all[held.1 as usize];
            let system = match system {
                System::None => "-",
                System::Said(said) => said,
                System::Implied(implied) => implied.rsplit('/').next().unwrap(),
            };
            let name = grammar::rule(ResourceType::Observation).tokens[usize::from(held.0)].0;
            format!("{name} {system} {}", code.as_deref().unwrap_or("-"))
        };
        let mut said: Vec<_> = held.iter().map(said).collect();
        said.sort();
        let expected = [
            "category s lab",
            "code - bare",
            "code s -",
            "code s lab",
            "identifier - 2",
            "identifier ids A|1",
            "status observation-status final",
        ];
        assert_eq!(said, expected);
        assert_eq!(all.len(), 6, "one token stands for both that are alike");
    }

    #[test]
    fn what_has_another_shape_than_r4s_holds_no_token() {
        for text in [
            "{}",
            r#"{"status":5,"code":"x","category":{"coding":"x"},"identifier":"x"}"#,
            r#"{"status":["final"]}"#,
            r#"{"status":"","code":{"coding":[{"code":7}]},"identifier":{"system":null}}"#,
        ] {
            let held = read(&mut Tokens::default(), ResourceType::Observation, text);
            assert!(held.len() <= usize::from(text.contains("[\"final\"]")), "{text} {held:?}");
        }
    }
}
