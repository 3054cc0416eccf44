//! Secrets: known by somebody, and revealed by a beat in which one of those is there to tell.

use super::Analysis;
use crate::problem::suggestion;

impl Analysis<'_> {
    /// Every secret is somebody's, and comes out once, unless it is kept.
    pub(super) fn secrets(&self) {
        let secrets = &self.spec.secrets;
        let ids: Vec<&str> = secrets
            .iter()
            .map(|secret| secret.id.value.as_str())
            .collect();
        let mut revealed: Vec<&str> = Vec::new();
        for at in self.spec.beats.iter().flat_map(|beat| &beat.reveals) {
            let id = at.value.as_str();
            if !ids.contains(&id) {
                self.reader.complain_helpfully(
                    at.span,
                    format!("the scene has no secret `{id}`"),
                    suggestion(id, &ids),
                );
            } else if revealed.contains(&id) {
                self.reader
                    .complain(at.span, format!("the secret `{id}` was revealed before"));
            }
            revealed.push(id);
        }
        for (n, secret) in secrets.iter().enumerate() {
            let id = secret.id.value.as_str();
            if ids[..n].contains(&id) {
                self.reader.complain(
                    secret.id.span,
                    format!("another secret is called `{id}` as well"),
                );
            }
            if secret.known_by.is_empty() {
                self.reader
                    .complain(secret.id.span, format!("nobody knows the secret `{id}`"));
            }
            for at in &secret.known_by {
                self.is_in_cast(at);
            }
            match (revealed.contains(&id), secret.kept) {
                (false, false) => self.reader.complain_helpfully(
                    secret.id.span,
                    format!("no beat reveals the secret `{id}`"),
                    Some(String::from(
                        "list it under `reveals: [..]` of a beat, or say `kept: true`",
                    )),
                ),
                (true, true) => self.reader.complain(
                    secret.id.span,
                    format!("the secret `{id}` is to be kept, but a beat reveals it"),
                ),
                _ => {}
            }
        }
    }
}
