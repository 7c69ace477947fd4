//! A log that nobody waits for: a thread of its own writes it, and what it cannot write in time is counted and let go.
//! Whoever reads the log of a server must not be able to stop it by reading no more.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

/// So many lines wait to be written.
const WAITING: usize = 8192;

/// How long the end of the program waits for them.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes lines. Clones write to the same log.
#[derive(Clone)]
pub(super) struct Queue {
    lines: SyncSender<Message>,
    lost: Arc<AtomicU64>,
}

enum Message {
    Line(Vec<u8>),
    /// Says so when everything before it is written.
    Written(SyncSender<()>),
}

impl Queue {
    /// Starts the thread that writes.
    pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = lost.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write(out, &waiting, &counted))?;
        Ok(Self { lines, lost })
    }

    /// Waits until everything is written, if that takes no longer than a moment.
    pub(super) fn finish(&self) {
        let (done, written) = sync_channel(1);
        if self.lines.try_send(Message::Written(done)).is_ok() {
            // What is not written by then is nobody's to wait for.
            let _ = written.recv_timeout(PATIENCE);
        }
    }
}

impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Err(TrySendError::Full(_)) = self.lines.try_send(Message::Line(line.to_vec())) {
            self.lost.fetch_add(1, Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(mut out: impl Write, waiting: &Receiver<Message>, lost: &AtomicU64) {
    for message in waiting {
        match message {
            // A log that cannot be written cannot say so either.
            Message::Line(line) => drop(out.write_all(&line)),
            Message::Written(done) => drop(done.send(())),
        }
        let lost = lost.swap(0, Relaxed);
        if lost > 0 {
            drop(writeln!(
                out,
                "{lost} lines of the log were lost: nobody read fast enough"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A log that is read only once it may be.
    #[derive(Clone, Default)]
    struct Slow(Arc<Mutex<Vec<u8>>>);

    impl Write for Slow {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn nobody_waits_for_a_reader_that_does_not_read() {
        let slow = Slow::default();
        let mut queue = Queue::start(slow.clone()).unwrap();
        let reading = slow.0.lock().unwrap();
        for _ in 0..WAITING + 100 {
            queue.write_all(b"line\n").unwrap();
        }
        drop(reading);
        while slow.0.lock().unwrap().is_empty() {
            thread::yield_now();
        }
        queue.finish();
        let written = String::from_utf8(slow.0.lock().unwrap().clone()).unwrap();
        assert!(written.contains("lines of the log were lost"));
        assert!(written.lines().count() > WAITING);
    }
}
