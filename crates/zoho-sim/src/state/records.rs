//! The records of the CRM, the same for all data centers and environments.

use serde_json::{Map, Value};

use super::State;
use crate::clock::Millis;
use crate::crm::Module;

/// A record of a module.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: u64,
    pub(crate) fields: Map<String, Value>,
    pub(crate) created_at: Millis,
    pub(crate) modified_at: Millis,
}

/// IDs of the CRM have up to 19 digits and are no numbers for floats.
const FIRST_ID: u64 = 5_000_000_000_001_000;

impl State {
    /// Returns a module's records, oldest first.
    pub(crate) fn records(&self, module: Module) -> &[Record] {
        self.records.get(&module).map_or(&[], Vec::as_slice)
    }

    /// Adds a record and returns its ID.
    pub(crate) fn add_record(&mut self, module: Module, fields: Map<String, Value>) -> u64 {
        let id = FIRST_ID + self.next_serial();
        let record = Record {
            id,
            fields,
            created_at: self.now(),
            modified_at: self.now(),
        };
        self.records.entry(module).or_default().push(record);
        id
    }

    /// Changes the fields that are given and returns the record; `None` if there is no record of this ID.
    pub(crate) fn change_record(
        &mut self,
        module: Module,
        id: u64,
        fields: Map<String, Value>,
    ) -> Option<&Record> {
        let now = self.now();
        let records = self.records.get_mut(&module)?;
        let record = records.iter_mut().find(|record| record.id == id)?;
        record.fields.extend(fields);
        record.modified_at = now;
        Some(record)
    }

    /// Replaces a module's records by so many demo records. A list begins with the youngest, which is demo record 0.
    pub(crate) fn set_demo_records(&mut self, module: Module, count: usize) {
        self.records.remove(&module);
        for number in (0..count).rev() {
            self.add_record(module, module.demo_record(number));
        }
    }
}
