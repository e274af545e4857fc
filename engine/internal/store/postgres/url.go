package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"
)

// parseURL reads a database's URL, with what PGPASSFILE and a service file add to it. Its errors quote none of what the URL holds but the
// names of files and of a service: a password that is not escaped may be in any other part.
func parseURL(text string) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(text)
	u, urlErr := url.Parse(text)
	if urlErr != nil {
		u = &url.URL{}
	}
	service := cmp.Or(u.Query().Get("service"), os.Getenv("PGSERVICE"))
	var file *fs.PathError
	switch {
	case errors.As(err, &file):
		return nil, fmt.Errorf("the queue's URL or a variable of PostgreSQL names a file that cannot be read: %w", file)
	case err != nil && urlErr == nil && service != "":
		return nil, fmt.Errorf("the service %q is not in PostgreSQL's service file, or its settings cannot be used", service)
	case err != nil:
		return nil, errors.New("the queue's URL is not one of PostgreSQL: want postgres://USER@HOST/DATABASE, " +
			"with %XX for special characters in a password")
	}
	_, inURL := u.User.Password()
	if config.ConnConfig.Password == "" || inURL || os.Getenv("PGPASSWORD") != "" || service != "" {
		return config, nil
	}
	return config, checkPassfile(u.Query().Get("passfile"))
}

// checkPassfile refuses a file of passwords that others may read, which libpq passes over.
func checkPassfile(named string) error {
	home, _ := os.UserHomeDir() // without one there is no such file
	path := cmp.Or(named, os.Getenv("PGPASSFILE"), filepath.Join(home, ".pgpass"))
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("others can read the passwords in %s (mode %#o): chmod 600 %[1]s", path, info.Mode().Perm())
	}
	return nil // the server says what is wrong with a password that came from elsewhere
}
