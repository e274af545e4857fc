package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// withoutLog and withLog are the formats of a database's file: see its header, byte 18.
const (
	withoutLog = 1
	withLog    = 2
)

// logMagics begin a log.
var logMagics = []uint32{0x377f0682, 0x377f0683}

// checkLog returns an error if the database's file and the log beside it do not belong together. A process that ends leaves changes in
// the log, and SQLite says nothing if it is not the file's: it deletes the log of an empty file, adds the log of another file to this
// one, and ignores a log that it cannot read.
func (s *Store) checkLog() error {
	path, log := s.opts.Path, s.opts.Path+"-wal"
	header, size, err := beginning(path)
	if err != nil {
		return err
	}
	logHeader, logSize, err := beginning(log)
	if err != nil {
		return err
	}
	format, page := byte(0), int64(0)
	if len(header) > 18 {
		format, page = header[18], int64(binary.BigEndian.Uint16(header[16:]))
	}
	_, noOwners := os.Lstat(path + ".owners")
	switch {
	case size < 0 && logSize > 0, size == 0 && logSize >= 0:
		return fmt.Errorf("the file is empty or gone, and its log %s is there: put the file back beside it, or move the log away to begin with "+
			"an empty queue", log)
	case format == withoutLog && logSize > 0:
		return fmt.Errorf("%s is the log of a file that was here before: move it away to use this one", log)
	case logSize > 0 && !slices.Contains(logMagics, binary.BigEndian.Uint32(append(logHeader, 0, 0, 0, 0))):
		return fmt.Errorf("%s is damaged, and holds the newest changes of the queue: put a backup in its and the file's place, or move it away "+
			"to go on without them", log)
	case format == withLog && logSize < 0 && size <= page && noOwners != nil:
		return fmt.Errorf("the file was moved or copied without its log, which holds the deliveries: put that log at %s", log)
	case format == withLog && logSize < 0 && size > page:
		s.opts.Log.Warn("the queue's file has no log beside it: if it was moved or copied without the log, its newest deliveries are missing",
			"log", log)
	}
	return nil
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
	head := make([]byte, 32)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, 0, err
	}
	return head[:n], info.Size(), nil
}
