//! The protocol between the shim and the broker: frames over a Unix stream socket, one connection for each call.
//!
//! A frame is one byte of kind, four bytes of length (big-endian) and that many bytes. The first frame of a connection
//! says what it is about; its kinds and their answers:
//!
//! | first frame | then from the shim | then from the portal |
//! |---|---|---|
//! | [`Kind::Started`] | | [`Kind::Exit`] |
//! | [`Kind::Exported`] | | [`Kind::Exit`] |
//! | [`Kind::Call`] | one [`Kind::Stdin`] or [`Kind::StdinEnd`] for each [`Kind::WantStdin`]; one [`Kind::File`], [`Kind::FileEnd`] or [`Kind::FileError`] for each [`Kind::WantFile`]; one [`Kind::Places`] for each [`Kind::WantPlaces`] | [`Kind::Stdout`], [`Kind::Stderr`], [`Kind::WantStdin`], [`Kind::WantFile`], [`Kind::WantPlaces`], at last [`Kind::Exit`] |
//!
//! A closed connection says that the other side is gone. Whatever does not follow the table ends the connection, and
//! nothing else.

/// Bytes before a frame's content.
pub const HEADER: usize = 5;
/// Content of a data frame at most, in bytes.
pub const PIECE: usize = 64 << 10;
/// Folder, program and arguments of one call at most, in bytes.
pub const CALL: usize = 256 << 10;
/// A file's name, and what the system says where it cannot be read, at most, in bytes.
pub const NAME: usize = 4096;
/// Exported variables of one execution at most, in bytes, names and separators included.
pub const EXPORTED: usize = 64 << 10;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The launcher has set the limits and is about to become bash. Empty.
    Started = 1,
    /// A call: the working directory, the program and its arguments, each ended by NUL.
    Call = 2,
    /// A piece of the caller's standard input; never empty.
    Stdin = 3,
    /// The end of it. Empty.
    StdinEnd = 4,
    /// The exported variables at the script's end: `NAME=value`, each ended by NUL.
    Exported = 5,
    /// A piece of the file that the broker asked for; never empty.
    File = 6,
    /// The end of it. Empty.
    FileEnd = 7,
    /// It cannot be opened or read: why, in the system's words.
    FileError = 8,
    /// Where standard input and output lead: [`Places`].
    Places = 9,
    /// Bytes for the caller's standard output.
    Stdout = 16,
    /// Bytes for the caller's standard error.
    Stderr = 17,
    /// The broker asks for the next piece of standard input. Empty.
    WantStdin = 18,
    /// The exit code, one byte; the last frame.
    Exit = 19,
    /// The broker asks for the first piece of the file of this name, or, empty, for the next one of the same file.
    WantFile = 20,
    /// The broker asks where standard input and output lead. Empty.
    WantPlaces = 21,
}

impl Kind {
    /// The kind of that byte.
    fn of(byte: u8) -> Option<Self> {
        [
            Self::Started,
            Self::Call,
            Self::Stdin,
            Self::StdinEnd,
            Self::Exported,
            Self::File,
            Self::FileEnd,
            Self::FileError,
            Self::Stdout,
            Self::Stderr,
            Self::WantStdin,
            Self::Exit,
            Self::WantFile,
            Self::Places,
            Self::WantPlaces,
        ]
        .into_iter()
        .find(|kind| *kind as u8 == byte)
    }

    /// The lengths that such a frame may have.
    fn lengths(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Self::Started | Self::StdinEnd | Self::FileEnd | Self::WantStdin | Self::WantPlaces => 0..=0,
            Self::Exit => 1..=1,
            Self::Places => PLACES..=PLACES,
            Self::Call => 1..=CALL,
            Self::Exported => 0..=EXPORTED,
            Self::FileError => 1..=NAME,
            Self::WantFile => 0..=NAME,
            Self::Stdin | Self::File | Self::Stdout | Self::Stderr => 1..=PIECE,
        }
    }
}

/// Bytes of [`Places`].
const PLACES: usize = 17;

/// Where a caller's standard input and output lead, in its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Whether its input is closed or `/dev/null`: nothing is piped into it.
    pub input_is_nothing: bool,
    /// Device and inode of its output (`stat(2)`): those of a pipe are the same at both of its ends.
    pub output: (u64, u64),
}

impl Places {
    /// As the content of a frame.
    #[must_use]
    pub fn bytes(self) -> [u8; PLACES] {
        let mut bytes = [u8::from(self.input_is_nothing); PLACES];
        bytes[1..9].copy_from_slice(&self.output.0.to_be_bytes());
        bytes[9..].copy_from_slice(&self.output.1.to_be_bytes());
        bytes
    }

    /// From the content of a frame.
    ///
    /// # Errors
    /// [`Malformed`] for any other length.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let bytes: [u8; PLACES] = bytes.try_into().map_err(|_| Malformed)?;
        let number = |at: usize| bytes[at..at + 8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        Ok(Self { input_is_nothing: bytes[0] != 0, output: (number(1), number(9)) })
    }
}

/// Bytes that are no frame of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a frame of this protocol")]
pub struct Malformed;

/// The bytes before the content of a frame.
///
/// # Panics
/// When the content is longer than a frame of that kind may be: callers cut it first.
#[must_use]
pub fn header(kind: Kind, length: usize) -> [u8; HEADER] {
    assert!(kind.lengths().contains(&length), "a frame longer or shorter than its kind");
    let length = u32::try_from(length).expect("the greatest frame is far below 4 GiB").to_be_bytes();
    [kind as u8, length[0], length[1], length[2], length[3]]
}

/// The kind and the length of the frame that begins with these bytes.
///
/// # Errors
/// [`Malformed`] for an unknown kind, or a length that such a frame cannot have. Nothing is read or reserved before.
pub fn parse_header(bytes: [u8; HEADER]) -> Result<(Kind, usize), Malformed> {
    let kind = Kind::of(bytes[0]).ok_or(Malformed)?;
    let length = u32::from_be_bytes([bytes[1], bytes[2], bytes[3], bytes[4]]) as usize;
    if kind.lengths().contains(&length) { Ok((kind, length)) } else { Err(Malformed) }
}

/// Texts, each ended by NUL.
#[must_use]
pub fn join<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut joined = Vec::new();
    for part in parts {
        joined.extend_from_slice(part);
        joined.push(0);
    }
    joined
}

/// The texts of [`join`].
///
/// # Errors
/// [`Malformed`] where the last one is not ended.
pub fn split(bytes: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    let Some(inner) = bytes.strip_suffix(&[0]) else {
        return if bytes.is_empty() { Ok(Vec::new()) } else { Err(Malformed) };
    };
    Ok(inner.split(|byte| *byte == 0).collect())
}

/// Any bytes, each after its length (four bytes, big-endian): what an errand is given over its socket.
///
/// # Panics
/// For a piece of 4 GiB or more: callers bound what they give.
#[must_use]
pub fn join_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut joined = Vec::new();
    for piece in pieces {
        let length = u32::try_from(piece.len()).expect("callers give far less than 4 GiB");
        joined.extend_from_slice(&length.to_be_bytes());
        joined.extend_from_slice(piece);
    }
    joined
}

/// The bytes of [`join_pieces`].
///
/// # Errors
/// [`Malformed`] where the last one is not whole.
pub fn split_pieces(mut bytes: &[u8]) -> Result<Vec<&[u8]>, Malformed> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Malformed)?;
        let (piece, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize).ok_or(Malformed)?;
        pieces.push(piece);
        bytes = rest;
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_header_is_read_back() {
        for (kind, length) in [(Kind::Call, 1), (Kind::Stdout, PIECE), (Kind::Exit, 1), (Kind::WantStdin, 0)] {
            assert_eq!(parse_header(header(kind, length)), Ok((kind, length)));
        }
    }

    #[test]
    fn huge_short_and_unknown_frames_are_refused() {
        for bytes in [[3, 0xff, 0xff, 0xff, 0xff], [2, 0, 0, 0, 0], [19, 0, 0, 0, 2], [0, 0, 0, 0, 0], [99, 0, 0, 0, 1]]
        {
            assert_eq!(parse_header(bytes), Err(Malformed));
        }
    }

    proptest! {
        #[test]
        fn joined_texts_are_split_again(parts in prop::collection::vec(prop::collection::vec(1_u8.., 0..20), 0..20)) {
            let joined = join(parts.iter().map(Vec::as_slice));
            prop_assert_eq!(split(&joined).unwrap(), parts.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }

        #[test]
        fn joined_pieces_are_split_again(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..20)) {
            let joined = join_pieces(pieces.iter().map(Vec::as_slice));
            prop_assert_eq!(split_pieces(&joined).unwrap(), pieces.iter().map(Vec::as_slice).collect::<Vec<_>>());
            if let Some(cut) = joined.len().checked_sub(1) {
                prop_assert!(split_pieces(&joined[..cut]).is_err());
            }
        }

        #[test]
        fn no_header_is_longer_than_its_kind_allows(bytes in any::<[u8; HEADER]>()) {
            if let Ok((_, length)) = parse_header(bytes) {
                prop_assert!(length <= CALL);
            }
        }
    }
}
