package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// Backup writes a copy of the store into a new file, which is a store too. Others may read and write meanwhile.
func (s *Store) Backup(_ context.Context, path string) error {
	made, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600) // SQLite would make it readable by everybody
	if err != nil {
		return err
	}
	c, err := connect(s.opts.Path)
	if err == nil {
		_, err = c.run(`VACUUM INTO ?`, path)
		err = errors.Join(err, c.close(), made.Sync())
	}
	if err = errors.Join(err, made.Close()); err != nil {
		return errors.Join(fmt.Errorf("%s: %w", path, err), os.Remove(path))
	}
	return nil
}
