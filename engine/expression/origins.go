package expression

import (
	"slices"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// origin is a part of the environment's JSON that an expression reads: a member of a root, or all of the root.
type origin struct {
	root int    // body or with, since the event has no secrets
	key  string // AllKeys for all of it
}

// AllKeys means all members of with, or with itself if it is not an object.
const AllKeys = ""

// origins lists the data that a part of an expression uses, without duplicates.
type origins []origin

// maxOrigins is the number of members that are told apart. Beyond it, a further one counts as all of its root.
const maxOrigins = 16

func (from origins) add(more ...origin) origins {
	for _, o := range more {
		if slices.Contains(from, o) || slices.Contains(from, origin{o.root, AllKeys}) {
			continue
		}
		if len(from) >= maxOrigins {
			o.key = AllKeys
		}
		if o.key == AllKeys {
			from = slices.DeleteFunc(slices.Clone(from), func(other origin) bool { return other.root == o.root })
		}
		from = append(slices.Clip(from), o)
	}
	return from
}

// secretKeys are the members of each root that hold secrets.
type secretKeys [3][]string

// has reports whether one of the origins holds a secret.
func (s *secretKeys) has(from origins) bool {
	for _, o := range from {
		keys := s[o.root]
		if len(keys) > 0 && (o.key == AllKeys || slices.Contains(keys, o.key) || slices.Contains(keys, AllKeys)) {
			return true
		}
	}
	return false
}

// IsSecret reports whether the program's value depends on a secret of the environment: on its text, a part, its length or a test of it.
func (p *Program) IsSecret(env *Env) bool { return env.secrets.has(p.from) }

// PartOfBody returns the place in body of the bytes that the program passes on unchanged: body itself or a member. ok is false if the
// program does anything else.
func (p *Program) PartOfBody(env *Env) (from, to int, ok bool) {
	o := &env.roots[body]
	switch {
	case len(p.path) == 0 || len(p.path) > 2 || p.path[0] != roots[body] || o.decoded && o.raw == nil:
		return 0, 0, false
	case len(p.path) == 1:
		return 0, len(o.json()), true
	}
	if m := o.at(p.path[1]); m != nil {
		return int(m.from), int(m.to), true
	}
	return 0, 0, false
}

// SetWith sets with to JSON, or to nothing if it is nil. The members with the given keys hold secrets; [AllKeys] means all members.
func (env *Env) SetWith(json []byte, secrets []string) {
	env.roots[with] = object{name: "with", raw: json}
	env.secrets[with] = secrets
}

// SetBody sets body to JSON, or to a text if isJSON is false. The given parts, from and to, are secret.
func (env *Env) SetBody(text []byte, isJSON bool, secrets [][2]int) {
	env.roots[body] = object{name: "body", raw: text}
	if !isJSON {
		env.roots[body] = object{decoded: true, whole: string(text)}
	}
	env.secrets[body] = secretMembers(text, secrets)
}

// secretMembers lists the members of a JSON object that contain some of the parts. It returns AllKeys for any other value.
func secretMembers(text []byte, parts [][2]int) (keys []string) {
	if len(parts) == 0 {
		return nil
	}
	r := jsonbytes.NewReader(text)
	begin := 0
	err := r.Members(func(name []byte) error {
		raw, err := r.Raw()
		end := r.Offset()
		for _, p := range parts {
			if p[0] < end && p[1] > begin {
				if p[0] < end-len(raw) { // in its name
					keys = append(keys, AllKeys)
				}
				keys = append(keys, string(name))
				break
			}
		}
		begin = end
		return err
	})
	if err != nil || len(keys) == 0 {
		return []string{AllKeys}
	}
	return keys
}
