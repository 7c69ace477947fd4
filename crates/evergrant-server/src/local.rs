//! Other users of this machine: what they may have by the Unix socket, which knows who they are.

use std::collections::BTreeSet;

use evergrant::connection::ConnectionName;

/// What one user may have without a key: tokens and status of these connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalUser {
    /// The user's number.
    pub uid: u32,
    /// The connections.
    pub connections: Vec<ConnectionName>,
}

/// Who may what by the Unix socket.
pub(crate) struct LocalUsers {
    /// The user that the server runs as.
    own: u32,
    others: Vec<LocalUser>,
}

/// What a user may.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rights {
    /// Everything, as the server itself.
    All,
    /// Tokens and status of these connections.
    Connections(Vec<ConnectionName>),
}

impl LocalUsers {
    pub(crate) fn new(others: Vec<LocalUser>) -> Self {
        let own = rustix::process::geteuid().as_raw();
        Self { own, others }
    }

    /// Returns the connections that anybody may have, each once.
    pub(crate) fn connections(&self) -> BTreeSet<&ConnectionName> {
        let others = self.others.iter();
        others.flat_map(|rule| &rule.connections).collect()
    }

    /// Returns what a user may; `None` for nothing at all.
    pub(crate) fn rights(&self, uid: u32) -> Option<Rights> {
        if uid == self.own || uid == 0 {
            return Some(Rights::All);
        }
        let rules: Vec<_> = self.others.iter().filter(|rule| rule.uid == uid).collect();
        let connections = rules.iter().flat_map(|rule| rule.connections.clone());
        (!rules.is_empty()).then(|| Rights::Connections(connections.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ConnectionName {
        text.parse().unwrap()
    }

    #[test]
    fn root_and_the_server_may_all_others_what_a_rule_says() {
        let rule = |uid, connection| LocalUser {
            uid,
            connections: vec![name(connection)],
        };
        let users = LocalUsers {
            own: 900,
            others: vec![rule(1000, "acme"), rule(1001, "umbrella"), rule(1000, "b")],
        };
        for uid in [0, 900] {
            assert_eq!(users.rights(uid), Some(Rights::All));
        }
        let both = vec![name("acme"), name("b")];
        assert_eq!(users.rights(1000), Some(Rights::Connections(both)));
        assert_eq!(users.rights(1002), None);
    }
}
