//! Steps of the arc, orders of speakers, and what beats wait for.

use super::Analysis;
use crate::problem::suggestion;
use crate::read::too_many_motifs;
use crate::scene::TurnPolicy;

impl Analysis<'_> {
    /// The arc goes forward, roles are those of the cast, and nothing is waited for that cannot come.
    pub(super) fn arc(&self) {
        let mut reached: Option<(usize, &str)> = None;
        let roles: Vec<&str> = self
            .spec
            .cast
            .iter()
            .filter_map(|at| self.person(&at.value))
            .map(|person| person.role.as_str())
            .filter(|role| !role.is_empty())
            .collect();
        for beat in &self.spec.beats {
            if let Some(step) = &beat.step {
                match reached {
                    Some((place, name)) if step.place < place => self.reader.complain(
                        step.id.span,
                        format!(
                            "the step `{}` comes before `{name}` in the arc, and cannot come after it here",
                            step.id.value
                        ),
                    ),
                    _ => reached = Some((step.place, &step.id.value)),
                }
            }
            // The roles of a step are for every cast; those of a beat are for this one.
            let own_roles = beat.roles.iter().filter(|(at, _)| at.span != beat.id.span);
            for (at, _) in own_roles {
                if !roles.contains(&at.value.as_str()) {
                    self.reader.complain_helpfully(
                        at.span,
                        format!("nobody in the cast has the role `{}`", at.value),
                        suggestion(&at.value, &roles),
                    );
                }
            }
            let motifs = &beat.done_when.motifs;
            if motifs.value as usize > beat.motifs.len() {
                self.reader.complain(
                    motifs.span,
                    too_many_motifs(motifs.value, beat.motifs.len()),
                );
            }
        }
    }

    /// A list is there where it is asked for, and asked for where it is there.
    pub(super) fn orders(&self) {
        for at in self
            .spec
            .order
            .iter()
            .chain(self.spec.beats.iter().flat_map(|b| &b.order))
        {
            self.is_in_cast(at);
        }
        let is_list = |policy| policy == TurnPolicy::List;
        let nobody_lists = || Some(String::from("say in which order: `order: [ana, luz, ana]`"));
        let mut is_scenes_used = false;
        for beat in &self.spec.beats {
            let listed = is_list(self.policy_of(beat));
            is_scenes_used |= listed && beat.order.is_empty();
            if !listed && let Some(first) = beat.order.first() {
                self.reader.complain(
                    first.span,
                    "the beat has an `order`, but its policy is not `list`",
                );
            }
            if listed
                && self.order_of(beat).is_empty()
                && let Some(policy) = &beat.policy
            {
                self.reader.complain_helpfully(
                    policy.span,
                    "the policy `list` needs an `order`",
                    nobody_lists(),
                );
            }
        }
        let policy = &self.spec.policy;
        if is_list(policy.value) && self.spec.order.is_empty() && is_scenes_used {
            self.reader.complain_helpfully(
                policy.span,
                "the policy `list` needs an `order`",
                nobody_lists(),
            );
        }
        if !is_scenes_used && let Some(first) = self.spec.order.first() {
            self.reader.complain(
                first.span,
                "the scene has an `order`, but no beat has the policy `list` to follow it",
            );
        }
    }
}
