//! What executions printed.

use bytes::Bytes;
use operations::{Chunk, ExecutionId, NewChunk, OutputStore, RunId, RunStore, Stream};

use crate::fixture::{Fixture, at, new_execution};

fn chunk(run: RunId, execution: ExecutionId, bytes: impl Into<Bytes>) -> NewChunk {
    NewChunk { run, execution, stream: Stream::Stdout, at: at(2), bytes: bytes.into() }
}

fn texts(chunks: &[Chunk]) -> Vec<String> {
    chunks.iter().map(|chunk| String::from_utf8_lossy(&chunk.content.bytes).into_owned()).collect()
}

pub(crate) async fn pieces_come_back_in_order(fixture: &Fixture) {
    let execution = fixture.running().await;
    let store = &fixture.store;
    assert_eq!(store.last(execution.run).await.unwrap(), 0);
    let raw = Bytes::from_static(b"\0\xff\x1b[31mred\n");
    let error = NewChunk { stream: Stream::Stderr, at: at(3), ..chunk(execution.run, execution.id, raw.clone()) };
    let out = chunk(execution.run, execution.id, "one\n");
    OutputStore::append(store, vec![out, error, chunk(execution.run, execution.id, "")]).await.unwrap();
    OutputStore::append(store, vec![]).await.unwrap();

    let chunks = store.after(execution.run, 0, 100).await.unwrap();
    assert_eq!(chunks.len(), 2, "an empty piece is none");
    assert!(chunks[0].sequence > 0 && chunks[1].sequence > chunks[0].sequence);
    assert_eq!((chunks[0].content.stream, chunks[0].content.at), (Stream::Stdout, at(2)));
    assert_eq!((chunks[1].content.stream, chunks[1].content.at), (Stream::Stderr, at(3)));
    assert_eq!((chunks[1].content.run, chunks[1].content.execution), (execution.run, execution.id));
    assert_eq!(chunks[1].content.bytes, raw);
    assert_eq!(store.recorded(execution.run).await.unwrap(), [], "it had no terminal");
    let terminal = [(Stream::Resize, "80x24"), (Stream::Terminal, "$ "), (Stream::Resize, "90x30")];
    let pieces = terminal.map(|(stream, text)| NewChunk { stream, ..chunk(execution.run, execution.id, text) });
    OutputStore::append(store, pieces.to_vec()).await.unwrap();
    let kept = store.after(execution.run, chunks[1].sequence, 100).await.unwrap();
    assert_eq!(kept.iter().map(|chunk| chunk.content.stream).collect::<Vec<_>>(), terminal.map(|(stream, _)| stream));
    assert_eq!(store.recorded(execution.run).await.unwrap(), [execution.id]);
    assert_eq!(store.recorded(RunId::new()).await.unwrap(), []);
    let last = kept[2].sequence;
    assert_eq!(store.last(execution.run).await.unwrap(), last);
    assert_eq!(store.after(execution.run, last, 100).await.unwrap().len(), 0);
    assert_eq!(store.after(RunId::new(), 0, 100).await.unwrap().len(), 0);
}

pub(crate) async fn great_pieces_are_split(fixture: &Fixture) {
    let execution = fixture.running().await;
    let whole: Vec<u8> = (0..65_536_usize).map(|index| (index % 251) as u8).collect();
    let double: Vec<u8> = whole.iter().chain(&whole).chain(b"rest").copied().collect();
    let chunks =
        vec![chunk(execution.run, execution.id, whole.clone()), chunk(execution.run, execution.id, double.clone())];
    OutputStore::append(&fixture.store, chunks).await.unwrap();
    let kept = fixture.store.of_execution(execution.id, 0, 100).await.unwrap();
    assert_eq!(kept.iter().map(|chunk| chunk.content.bytes.len()).collect::<Vec<_>>(), [65_536, 65_536, 65_536, 4]);
    assert_eq!(kept[0].content.bytes, whole);
    let joined: Vec<u8> = kept[1..].iter().flat_map(|chunk| chunk.content.bytes.to_vec()).collect();
    assert_eq!(joined, double);
}

pub(crate) async fn lists_are_paged(fixture: &Fixture) {
    let execution = fixture.running().await;
    let other = new_execution(execution.run, "2");
    assert!(fixture.store.begin(&other).await.unwrap());
    let pieces = (0..1200).map(|index| {
        let id = if index % 2 == 0 { execution.id } else { other.id };
        chunk(execution.run, id, format!("{index}\n"))
    });
    OutputStore::append(&fixture.store, pieces.collect()).await.unwrap();

    let (mut cursor, mut seen) = (0, Vec::new());
    loop {
        // More than the store gives at once.
        let page = fixture.store.after(execution.run, cursor, u32::MAX).await.unwrap();
        assert!(page.len() <= 500);
        let Some(last) = page.last() else { break };
        cursor = last.sequence;
        seen.extend(texts(&page));
    }
    assert_eq!(seen, (0..1200).map(|index| format!("{index}\n")).collect::<Vec<_>>());

    let tail = fixture.store.tail(execution.id, 3).await.unwrap();
    assert_eq!(texts(&tail), ["1194\n", "1196\n", "1198\n"]);
    let page = fixture.store.of_execution(other.id, tail[0].sequence, 2).await.unwrap();
    assert_eq!(texts(&page), ["1195\n", "1197\n"]);
    assert_eq!(fixture.store.tail(other.id, 0).await.unwrap().len(), 0);
}

/// Several executions of a run print at once while a page follows: what it has read and what comes after its cursor is
/// everything.
pub(crate) async fn a_cursor_misses_nothing(fixture: &Fixture) {
    const WRITERS: usize = 4;
    const EACH: usize = 30;
    let run = fixture.open_run().await.id;
    let mut writers = Vec::new();
    for command in 0..WRITERS {
        let execution = new_execution(run, &command.to_string());
        assert!(fixture.store.begin(&execution).await.unwrap());
        let store = fixture.store.clone();
        writers.push(tokio::spawn(async move {
            for _ in 0..EACH {
                let chunks = vec![chunk(run, execution.id, "a"), chunk(run, execution.id, "b")];
                OutputStore::append(&store, chunks).await.unwrap();
            }
        }));
    }
    let (mut cursor, mut seen) = (0, 0);
    let mut writing = true;
    loop {
        let page = fixture.store.after(run, cursor, 500).await.unwrap();
        seen += page.len();
        match page.last() {
            Some(last) => cursor = last.sequence,
            None if !writing => break,
            // Asked before the next page is read, so that the last page is read after the last append.
            None => tokio::task::yield_now().await,
        }
        writing = !writers.iter().all(tokio::task::JoinHandle::is_finished);
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(seen, WRITERS * EACH * 2);
    assert_eq!(fixture.store.last(run).await.unwrap(), cursor);
}

pub(crate) async fn output_belongs_to_its_execution(fixture: &Fixture) {
    let execution = fixture.running().await;
    let elsewhere = fixture.open_run().await;
    let good = chunk(execution.run, execution.id, "good");
    let bad = chunk(elsewhere.id, execution.id, "bad");
    let error = OutputStore::append(&fixture.store, vec![good, bad]).await.unwrap_err();
    assert_eq!(error.operation, "keep output");
    assert_eq!(fixture.store.last(execution.run).await.unwrap(), 0, "all or nothing");
}
