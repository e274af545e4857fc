package sqlite

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"syscall"

	lib "modernc.org/sqlite/lib"
)

// isUnwritable reports whether an error says that the disk is full or the file system is read-only.
func isUnwritable(err error) bool {
	var e *Error
	if errors.As(err, &e) && (e.code&primary == lib.SQLITE_FULL || e.code&primary == lib.SQLITE_READONLY) {
		return true
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EROFS)
}

// openToRead opens a file that cannot be written. Each change then fails with the reason, why.
func (s *Store) openToRead(why error) error {
	s.unwritable, s.folder = fmt.Errorf("it can only be read: %w", why), &folder{}
	err := checkAlone(s.opts.Path)
	if err == nil {
		err = s.checkLog()
	}
	if err == nil {
		err = s.remember("")
	}
	if err != nil {
		return err
	}
	c, err := s.reader()
	if err != nil {
		return err
	}
	defer s.giveBack(c)
	version, err := c.number(`PRAGMA user_version`)
	if err == nil && version != int64(len(migrations)) {
		err = fmt.Errorf("another version of awf-hook made the file: its schema is %d, and this one reads %d", version, len(migrations))
	}
	return err
}

// connectToRead opens a connection that writes nothing, not even to the files beside the database.
func connectToRead(path string) (*conn, error) {
	option := "readonly_shm=1"
	log, noLog := os.Stat(path + "-wal")
	if _, err := os.Stat(path + "-shm"); err != nil && (noLog != nil || log.Size() == 0) {
		option = "immutable=1" // nobody has it open, and all is in the file
	}
	return open("file:"+(&url.URL{Path: path}).EscapedPath()+"?"+option, lib.SQLITE_OPEN_READONLY|lib.SQLITE_OPEN_URI)
}
