use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};

use super::*;

const VAULT_ID: &str = "019a0000-0000-7000-8000-000000000000";

fn record(context: &[u8]) -> Record {
    let id = ExchangeId::generate(&mut StdRng::seed_from_u64(1));
    Record::prepared(VAULT_ID, id, context.to_vec()).unwrap()
}

fn reply(body: &[u8]) -> Reply {
    Reply {
        status: 200,
        content_type: Some("application/json;charset=UTF-8".into()),
        location: None,
        date: Some("Sun, 22 Nov 2026 10:00:00 GMT".into()),
        body: Zeroizing::new(body.to_vec()),
        end: ReplyEnd::Complete,
    }
}

/// Changes a record's bytes as [`super::super::EscrowFile::mark_sending`] does.
fn sending(record: &Record, attempt: u8) -> Vec<u8> {
    let mut bytes = record.to_bytes();
    bytes[PHASE..PHASE + 2].copy_from_slice(&phase_bytes(true, attempt));
    bytes
}

#[test]
fn phases_are_told_apart() {
    let record = record(b"context");
    assert_eq!(record.phase(), Phase::Prepared);
    let sent = Record::from_bytes(&sending(&record, 1)).unwrap();
    assert_eq!(sent.phase(), Phase::Sending);
    assert_eq!(
        record.with_reply(1, b"sealed".to_vec()).phase(),
        Phase::Replied
    );
}

#[test]
fn the_reply_to_an_earlier_request_is_none() {
    let mut bytes = sending(&record(b"context"), 2);
    bytes.extend_from_slice(&slot_bytes(1, b"sealed"));
    assert_eq!(Record::from_bytes(&bytes).unwrap().phase(), Phase::Sending);
    bytes[ATTEMPT] = 1;
    assert_eq!(Record::from_bytes(&bytes).unwrap().phase(), Phase::Replied);
}

#[test]
fn random_filling_is_no_reply() {
    let mut bytes = sending(&record(b"context"), 1);
    bytes.resize(FILE_LEN, 0);
    StdRng::seed_from_u64(7).fill_bytes(&mut bytes[SLOT..]);
    assert_eq!(Record::from_bytes(&bytes).unwrap().phase(), Phase::Sending);
}

#[test]
fn a_context_that_does_not_fit_is_refused() {
    let id = ExchangeId::generate(&mut StdRng::seed_from_u64(1));
    assert!(Record::prepared(VAULT_ID, id, vec![0; SLOT - CONTEXT]).is_some());
    assert!(Record::prepared(VAULT_ID, id, vec![0; SLOT - CONTEXT + 1]).is_none());
}

#[test]
fn the_longest_reply_fits_into_its_slot() {
    let mut longest = reply(&vec![b'x'; 60 * 1024]);
    longest.content_type = Some("c".repeat(9000));
    longest.location = Some("l".repeat(9000));
    longest.date = Some("d".repeat(9000));
    let sealed = encode_reply(&longest).len() + crate::vault::seal::OVERHEAD;
    assert!(slot_bytes(1, &vec![0; sealed]).len() <= SLOT_LEN);
}

proptest! {
    #[test]
    fn records_are_read_as_they_are_written(context: Vec<u8>, sealed: Vec<u8>, attempt: u8) {
        let written = record(&context).with_reply(attempt, sealed.clone());
        for read in [
            Record::from_bytes(&written.to_bytes()).unwrap(),
            Record::from_text(&format!("Some words.\n{}more", written.to_text())).unwrap(),
        ] {
            prop_assert_eq!(read.id, written.id);
            prop_assert_eq!(&read.context_sealed, &context);
            prop_assert_eq!(read.current_reply(), Some(&*sealed));
        }
    }

    #[test]
    fn replies_are_read_as_they_are_written(body: Vec<u8>, status: u16, location in ".{0,50}") {
        let location = Some(location).filter(|location| !location.is_empty());
        let written = Reply { status, location, end: ReplyEnd::Cut, ..reply(&body) };
        let read = decode_reply(&encode_reply(&written)).unwrap();
        prop_assert_eq!(read.status, written.status);
        prop_assert_eq!(read.location, written.location);
        prop_assert_eq!(read.content_type, written.content_type);
        prop_assert_eq!(read.date, written.date);
        prop_assert_eq!(&read.body, &written.body);
        prop_assert_eq!(read.end, written.end);
    }

    #[test]
    fn rubbish_is_read_without_harm(rubbish: Vec<u8>, text: String, cut: prop::sample::Index) {
        let _ = Record::from_bytes(&rubbish);
        let _ = decode_reply(&rubbish);
        let _ = Record::from_text(&text);
        let whole = record(b"context").with_reply(1, rubbish).to_bytes();
        let _ = Record::from_bytes(&whole[..cut.index(whole.len())]);
    }
}
