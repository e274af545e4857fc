package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// withoutLog and withLog are the formats of a database's file: see its header, byte 18.
const (
	withoutLog = 1
	withLog    = 2
)

// logHeader is the length of a log's header. A log that is no longer holds no change.
const logHeader = 32

// noLog warns of a file that has no log beside it. SQLite's own shell moves the log into the file and removes it.
const noLog = "the queue's file has no log beside it: if the log was deleted, or the file was moved or copied without it, its newest " +
	"deliveries are missing; if another program closed the file, such as sqlite3, none is missing"

// checkLog returns an error if, as far as their headers tell, the database's file and the log beside it do not belong together. A process
// that ends leaves changes in the log, and SQLite says nothing if it is not the file's: it deletes the log of an empty file, adds the log
// of another file to this one, and ignores a log that it cannot read. No header tells of a copy of the file that an older log is beside.
// checkLog runs inside the turnstile, but a process that closes the file may empty its log meanwhile.
func (s *Store) checkLog() error {
	path, log := s.opts.Path, s.opts.Path+"-wal"
	header, size, err := beginning(path)
	if err != nil {
		return err
	}
	head, logSize, err := beginning(log)
	if err != nil {
		return err
	}
	format := formatOf(header)
	switch {
	case size < 0 && logSize > 0, size == 0 && logSize >= 0:
		return fmt.Errorf("the file is empty or gone, and its log %s is there: put the file back beside it, or move the log away to begin with "+
			"an empty queue", log)
	case format == withoutLog && logSize > 0:
		return fmt.Errorf("%s is the log of a file that was here before: move it away to use this one", log)
	case logSize > logHeader && len(head) == logHeader && !isLogHeader(head):
		return fmt.Errorf("%s is damaged, and holds the newest changes of the queue: move it away to go on without them, or to put a backup "+
			"in the file's place", log)
	case format == withLog && logSize < 0:
		s.noLog = true
		s.opts.Log.Warn(noLog, "log", log)
	}
	return nil
}

// checkAlone returns an error if a file that stands alone cannot be a queue: it is not a database, or it was put here without its log,
// which holds all of its deliveries. It runs before other files are made: each process makes the lock's before the database's.
func checkAlone(path string) error {
	header, size, err := beginning(path)
	if err != nil || len(header) == 0 {
		return err
	}
	has := func(end string) bool {
		_, err := os.Lstat(path + end)
		return err == nil
	}
	switch {
	case has("-wal"), has("-journal"): // by which SQLite may mend a damaged file, or take back the beginning of a log
		return nil
	case !bytes.HasPrefix(header, []byte("SQLite format 3\x00")):
		return errors.New("file is not a database (26)" + replaceIt)
	case formatOf(header) == withLog && size <= int64(binary.BigEndian.Uint16(header[16:])) && !has(".lock"):
		return fmt.Errorf("the file was moved or copied without its log, which holds the deliveries: put that log at %s-wal", path)
	}
	return nil
}

// formatOf returns the format of a database's file; 0 if the file is too short to have one.
func formatOf(header []byte) byte {
	if len(header) <= 18 {
		return 0
	}
	return header[18]
}

// isLogHeader reports whether SQLite reads a log with a header: it ignores all of another log.
func isLogHeader(header []byte) bool {
	var order binary.ByteOrder = binary.LittleEndian
	switch binary.BigEndian.Uint32(header) {
	case 0x377f0682:
	case 0x377f0683:
		order = binary.BigEndian
	default:
		return false
	}
	var a, b uint32
	for at := 0; at < 24; at += 8 {
		a += order.Uint32(header[at:]) + b
		b += order.Uint32(header[at+4:]) + a
	}
	return a == binary.BigEndian.Uint32(header[24:]) && b == binary.BigEndian.Uint32(header[28:])
}

// beginning returns the first bytes of a file and its size; -1 if there is no such file.
func beginning(path string) ([]byte, int64, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() { // openOwn says what else it is
		return nil, -1, nil
	}
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	head := make([]byte, logHeader)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, 0, err
	}
	return head[:n], info.Size(), nil
}
