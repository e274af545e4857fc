package engine

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"syscall"

	"github.com/awf-project/awf-hook/engine/file"
)

// Seal marks the lines that Close writes, so that only what awf-hook itself wrote for this user is read back with its ids: an event that
// a step prints into AWF's output cannot take the id of another one. The keys are files. The first that can be kept is used to
// write, and all are tried to read.
type Seal struct{ paths []string }

// NewSeal returns a seal whose keys are in these files. Only the user may read them; they are made when they are needed.
func NewSeal(paths ...string) *Seal { return &Seal{paths} }

const sealKey = 32 // bytes

// sign returns the mark of a text; "" if no key can be kept.
func (s *Seal) sign(text []byte) string {
	if s == nil {
		return ""
	}
	for _, path := range s.paths {
		key, err := readKey(path)
		if errors.Is(err, os.ErrNotExist) {
			key, err = makeKey(path)
		}
		if err == nil {
			return hex.EncodeToString(mac(key, text))
		}
	}
	return ""
}

// verify reports whether sign marked a text.
func (s *Seal) verify(text []byte, mark string) bool {
	want, err := hex.DecodeString(mark)
	if s == nil || err != nil {
		return false
	}
	for _, path := range s.paths {
		if key, err := readKey(path); err == nil && hmac.Equal(mac(key, text), want) {
			return true
		}
	}
	return false
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

// readKey reads a key that nobody else can have put there.
func readKey(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	stat, isUnix := info.Sys().(*syscall.Stat_t)
	if !isUnix || int(stat.Uid) != os.Geteuid() || info.Mode() != 0o600 {
		return nil, errors.New("not the user's own")
	}
	key, err := file.Read(path, sealKey)
	if err == nil && len(key) != sealKey {
		err = errors.New("no key")
	}
	return key, err
}

func makeKey(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) { // another process was faster
		return readKey(path)
	}
	if err != nil {
		return nil, err
	}
	key := make([]byte, sealKey)
	rand.Read(key)
	_, err = f.Write(key)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
	}
	return key, err
}
