//! kubectl's columns: text/tabwriter with its parameters.
//!
//! Source: `k8s.io/cli-runtime/pkg/printers/tabwriter.go` (minimum width 6, padding 3, widths remembered from one
//! flush to the next). Widths count characters, not bytes.

/// Lines held back at most before their widths are settled.
const HELD: usize = 5_000;

/// Aligns cells into columns.
#[derive(Debug, Default)]
pub(crate) struct TabWriter {
    rows: Vec<Vec<String>>,
    widths: Vec<usize>,
    out: String,
}

const MINIMUM: usize = 6;
const PADDING: usize = 3;

impl TabWriter {
    /// Adds a line. Every cell but the last is padded: a line that ends in a tab has an empty last cell.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
        if self.rows.len() >= HELD {
            self.settle();
        }
    }

    fn settle(&mut self) {
        for row in &self.rows {
            for (index, cell) in row.iter().enumerate().take(row.len().saturating_sub(1)) {
                let width = (cell.chars().count() + PADDING).max(MINIMUM);
                match self.widths.get_mut(index) {
                    Some(known) => *known = width.max(*known),
                    None => self.widths.push(width),
                }
            }
        }
        for row in self.rows.drain(..) {
            let last = row.len().saturating_sub(1);
            for (index, cell) in row.iter().enumerate() {
                self.out.push_str(cell);
                if index < last {
                    let width = self.widths.get(index).copied().unwrap_or_default();
                    self.out.extend(std::iter::repeat_n(' ', width.saturating_sub(cell.chars().count())));
                }
            }
            self.out.push('\n');
        }
    }

    /// What can be written now; the widths stay.
    pub(crate) fn flush(&mut self) -> String {
        self.settle();
        std::mem::take(&mut self.out)
    }

    /// Forgets the widths, for a table of another type.
    pub(crate) fn forget(&mut self) {
        self.widths.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(line: &str) -> Vec<String> {
        line.split('\t').map(str::to_owned).collect()
    }

    #[test]
    fn columns_are_three_apart_and_six_wide_at_least() {
        let mut writer = TabWriter::default();
        writer.row(cells("NAME\tREADY\tAGE"));
        writer.row(cells("a-long-name\t1/1\t3s"));
        assert_eq!(writer.flush(), "NAME          READY   AGE\na-long-name   1/1     3s\n");
        writer.row(cells("b\t1/1\t3s"));
        assert_eq!(writer.flush(), "b             1/1     3s\n", "widths are remembered");
        writer.forget();
        writer.row(cells("b\tx\t3s"));
        assert_eq!(writer.flush(), "b     x     3s\n");
    }

    #[test]
    fn a_trailing_tab_pads_the_last_cell() {
        let mut writer = TabWriter::default();
        writer.row(cells("NAME\tCPU(cores)\t"));
        writer.row(cells("web\t5m\t"));
        assert_eq!(writer.flush(), "NAME   CPU(cores)   \nweb    5m           \n");
    }

    #[test]
    fn letters_count_once_whatever_their_bytes() {
        let mut writer = TabWriter::default();
        writer.row(cells("ärger\tx"));
        writer.row(cells("abcde\ty"));
        assert_eq!(writer.flush(), "ärger   x\nabcde   y\n");
    }
}
