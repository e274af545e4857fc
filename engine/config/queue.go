package config

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/secret"
)

// Queue says where the queue is and how much it keeps. Zero values mean the defaults.
type Queue struct {
	Path      string        // absolute, or "memory:"
	URL       secret.Secret // of a PostgreSQL database, instead of Path
	Namespace string        // of the webhooks in that database; "" for "default"
	Spill     string        // deliver or keep what is accepted while the database is away; "" for the command's default
	MaxSize   int64         // in bytes
	Keep      time.Duration // of delivered deliveries
	KeepDead  time.Duration // of dead letters
	Backlog   time.Duration // the age from which waiting deliveries count as a backlog
}

// memoryQueue is the path of a queue without a file.
const memoryQueue = "memory:"

var queueKeys = []Key{
	{Path: "path", Kind: KindText, Min: 1, Max: 4096, instead: "url", read: by((*decoder).queuePath),
		Without: "$XDG_STATE_HOME/awf-hook/queue.db, else ~/.local/state/awf-hook/queue.db",
		Is: "the queue's file, which any number of processes may share; a relative path starts at the configuration's folder. " +
			"`memory:` is a queue that ends with the process"},
	{Path: "url", Kind: KindURL, instead: "path", read: byText((*decoder).queueURL), show: as((*Queue).showURL),
		Is: "a PostgreSQL database instead of a file, which any number of machines share: `postgres://awf@db.example/hooks`. " +
			"Webhooks then belong to the namespace and not to their file, and each needs a name"},
	{Path: "namespace", Kind: KindText, Min: 1, Max: 100, Without: "default", read: by((*decoder).namespace), show: as((*Queue).showNamespace),
		Is: "distinguishes the webhooks of this configuration from those of others in the database"},
	{Path: "spill", Kind: KindText, Without: "deliver for run and exec, else keep", Choices: []string{"deliver", "keep"},
		Is: "events that are accepted while the database is away go into a spill file in the state folder, and into the database later; " +
			"`deliver` delivers them from the file meanwhile"},
	{Path: "keep", Kind: KindDuration, Min: minute, Max: year, Without: "7d", Is: "how long delivered deliveries are kept"},
	{Path: "keep_dead", Kind: KindDuration, Min: minute, Max: 10 * year, Without: "90d", Is: "how long dead letters are kept"},
	{Path: "backlog", Kind: KindDuration, Min: minute, Max: 10 * year, Without: "1h",
		Is: "the age from which waiting deliveries cause a `hook_backlog`"},
	{Path: "max_size", Kind: KindSize, Min: 1 << 20, Max: 1 << 40, Without: "1GiB",
		Is: "the maximum size of the queue; beyond it the oldest delivered deliveries are removed, then deliveries are kept in memory"},
}

// judgeQueue refuses a queue in two places.
func (d *decoder) judgeQueue(n node, _ *Queue) {
	if n.has("path") && n.has("url") {
		d.fail(n.get("url"), "key.conflict", "want one of path and url")
	}
}

func (d *decoder) queuePath(n node, q *Queue) {
	d.field(n, &q.Path)
	switch {
	case q.Path == "" || q.Path == memoryQueue:
	case IsDatabase(q.Path), IsOther(q.Path):
		d.fail(n, "url.form", "want a file; a database is queue.url")
	case strings.HasPrefix(q.Path, "~"):
		d.fail(n, "value.form", "~ is not expanded: want ${HOME}")
	case q.Path+":" == memoryQueue:
		d.fail(n, "value.form", "want memory: with its colon, or ./memory for a file of this name")
	default:
		q.Path = d.absolute(q.Path)
	}
}

func (d *decoder) queueURL(n node, text string, q *Queue) {
	if !IsDatabase(text) {
		d.fail(n, "url.form", "want a PostgreSQL URL, such as postgres://awf@db.example/hooks; a file is queue.path")
		return
	}
	q.URL = secret.New(text)
}

func (d *decoder) namespace(n node, q *Queue) {
	d.field(n, &q.Namespace)
	if strings.ContainsAny(q.Namespace, "#/") {
		d.fail(n, "value.form", "# and / have a meaning in a webhook's identity: want other characters")
	}
}

// showURL returns the database's place without user, password and parameters.
func (q *Queue) showURL() string {
	if q.URL.IsZero() {
		return ""
	}
	return DatabaseName(q.URL.Reveal())
}

// showNamespace returns the namespace if the queue is a database.
func (q *Queue) showNamespace() string {
	if q.URL.IsZero() {
		return ""
	}
	return q.Space()
}

// Space returns the namespace of a database's webhooks.
func (q *Queue) Space() string { return cmp.Or(q.Namespace, "default") }

// IsDatabase reports whether a queue's place is a database's URL.
func IsDatabase(place string) bool {
	return strings.HasPrefix(place, "postgres://") || strings.HasPrefix(place, "postgresql://")
}

// IsOther reports whether a queue's place reads as something other than a file or a database's URL: another URL, or libpq's keywords. As
// the name of a file it would show the password in it.
func IsOther(place string) bool {
	scheme, _, is := strings.Cut(strings.ToLower(place), ":")
	if strings.Contains(place, "://") || is && (scheme == "postgres" || scheme == "postgresql") {
		return !IsDatabase(place)
	}
	return slices.ContainsFunc(strings.Fields(place), func(word string) bool {
		key, _, is := strings.Cut(word, "=")
		return is && slices.Contains([]string{"host", "hostaddr", "dbname", "user", "password", "service", "sslmode"}, key)
	})
}

// DatabaseName returns a database's URL for people, without user, password and parameters.
func DatabaseName(place string) string {
	u, err := url.Parse(place)
	if err != nil {
		return "postgres://…"
	}
	return "postgres://" + u.Host + u.Path
}

// Share gives webhooks their identities for a database that many machines share. The identity of an entry in the user's own files is
// NAMESPACE#NAME. For entries of projects and definitions, where strangers may choose the same name, it also has a digest of the URL. For
// the server of --to, it also has that server's address. Share fails if an entry has no name. Further calls change nothing.
func (c *Config) Share() error {
	if c.shared {
		return nil
	}
	c.shared = true
	namespace := c.Queue.Space()
	if c.Workflows != nil {
		c.Workflows.share(namespace)
	}
	return errors.Join(share(c.Webhooks, namespace), share(c.given, namespace))
}

func share(webhooks []Webhook, namespace string) error {
	for i := range webhooks {
		w := &webhooks[i]
		if !w.Named {
			return fmt.Errorf("%s: a webhook needs a name where the queue is a database: its file's path differs by machine", w.Place())
		}
		if w.Identity = shared(namespace, w.Identity); w.Origin != UserFile {
			digest := sha256.Sum256([]byte(w.urlText))
			w.Identity = fmt.Sprintf("%s/%x#%s", namespace, digest[:4], w.Name)
		}
	}
	return nil
}

// Shared returns the identity in a database of a webhook of the user's own files, given its identity in a file.
func (q Queue) Shared(identity string) string { return shared(q.Space(), identity) }

// shared keeps the servers of several --to apart: what waits for one must not go to another.
func shared(namespace, identity string) string {
	file, name := SplitIdentity(identity)
	if ServerOf(file) != "" {
		namespace += "/" + filepath.Base(file)
	}
	return namespace + "#" + name
}

// absolute returns the absolute path of a file that the configuration refers to. Relative paths start at the configuration's folder.
func (d *decoder) absolute(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(d.identity), name)
}

// Equal reports whether two queues are configured alike.
func (q Queue) Equal(other Queue) bool {
	same := q.URL.Reveal() == other.URL.Reveal()
	q.URL, other.URL = secret.Secret{}, secret.Secret{}
	return same && q == other
}
