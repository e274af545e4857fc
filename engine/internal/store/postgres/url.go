package postgres

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/awf-project/awf-hook/engine/legible"
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
		if name := misused(u); name != "" {
			return nil, fmt.Errorf("the queue's URL has a value of %s that cannot be used", name)
		}
		return nil, errors.New("the queue's URL is not one of PostgreSQL: want postgres://USER@HOST/DATABASE, " +
			"with %XX for special characters in a password, a port for the last of several hosts if others have one, " +
			"and ?host=FOLDER for a socket")
	}
	_, inURL := u.User.Password()
	if config.ConnConfig.Password == "" || inURL || os.Getenv("PGPASSWORD") != "" || service != "" {
		return config, nil
	}
	return config, checkPassfile(u.Query().Get("passfile"))
}

// misused returns the parameter without which a URL can be read; "" if there is none. pgx reads the values of its own parameters alone.
func misused(u *url.URL) string {
	for name := range u.Query() {
		rest, values := *u, u.Query()
		values.Del(name)
		rest.RawQuery = values.Encode()
		if _, err := pgxpool.ParseConfig(rest.String()); err == nil {
			return name
		}
	}
	return ""
}

// checkPassfile refuses a file of passwords that others may read, which libpq passes over.
func checkPassfile(named string) error {
	home, _ := os.UserHomeDir() // without one there is no such file
	path := cmp.Or(named, os.Getenv("PGPASSFILE"), filepath.Join(home, ".pgpass"))
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("others can read the passwords in %s (mode %#o): chmod 600 %s",
			path, info.Mode().Perm(), legible.Word(legible.Plain(path)))
	}
	return nil // the server says what is wrong with a password that came from elsewhere
}
