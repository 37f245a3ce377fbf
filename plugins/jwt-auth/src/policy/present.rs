//! The tokens that a request carries.

use super::JwtAuth;
use crate::extract::{Found, Place, strip};
use crate::rule::Rule;
use crate::stream::Presented;
use filter_core::denial::{Denial, Reason};
use filter_core::message::{Headers, RequestHead};

impl JwtAuth {
    /// The tokens of a request, one for each group. `None`: it needs none and has none.
    pub(super) fn present(
        &self,
        rule: &Rule,
        head: &RequestHead<'_>,
    ) -> Result<Option<Vec<Presented>>, Denial> {
        let mut tokens: Vec<Presented> = Vec::new();
        // What one token takes out another need not.
        let mut left = (rule.groups.len() > 1).then(|| Headers::from_pairs(head.headers.iter()));
        for group in &rule.groups {
            let mut found: Option<(Presented, Place<'_>)> = None;
            let mut malformed: Option<Place<'_>> = None;
            for &index in group {
                let Some(provider) = self.providers.get(index) else { continue };
                let (token, place) = match provider.places.find(head) {
                    Found::Missing => continue,
                    Found::Malformed(place) => {
                        malformed = Some(place);
                        continue;
                    }
                    Found::Ambiguous => return Err(self.challenges.denial(Reason::JwtAmbiguous)),
                    Found::One { token, place } => (token, place),
                };
                if let Some((found, earlier)) = &mut found {
                    if *earlier != place || found.text != *token {
                        return Err(self.challenges.denial(Reason::JwtAmbiguous));
                    }
                    found.providers.push(index);
                    continue;
                }
                let headers = left.as_ref().unwrap_or(head.headers);
                let strip = strip(&place, &RequestHead { headers, end_of_stream: head.end_of_stream });
                let text = token.into_owned();
                let token = Presented {
                    text,
                    providers: vec![index],
                    strip,
                    accepted: None,
                    revoked: None,
                    skipped: false,
                };
                found = Some((token, place));
            }
            // What one provider cannot read in a header another may, whose prefix it has. A second place is a second
            // token all the same.
            if let Some(place) = malformed
                && found.as_ref().is_none_or(|(_, found)| *found != place)
            {
                let note = "what stands in a token's place is none";
                return Err(self.challenges.denial(Reason::JwtMalformed).note(note));
            }
            if let Some((mut token, _)) = found {
                // What goes on must not go with what another token takes out of the same field.
                if token
                    .providers
                    .iter()
                    .all(|index| self.providers.get(*index).is_some_and(|one| one.forward))
                {
                    token.strip.clear();
                }
                if let Some(left) = &mut left {
                    token.strip.iter().for_each(|op| left.apply(op));
                }
                tokens.push(token);
            }
        }
        match (tokens.len(), rule.optional) {
            (0, true) => Ok(None),
            (found, _) if found == rule.groups.len() => Ok(Some(tokens)),
            _ => Err(self.challenges.denial(Reason::JwtMissing)),
        }
    }
}
