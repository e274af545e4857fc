package expression

import "github.com/expr-lang/expr/ast"

// path leads from payload, body or with to a member of it.
type path struct {
	root string
	keys []string
}

// pathOf is the path that an expression is, nil if it is another one.
func pathOf(n ast.Node) *path {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if isRoot(n.Value) {
			return &path{root: n.Value}
		}
	case *ast.ChainNode:
		return pathOf(n.Node)
	case *ast.MemberNode:
		p := pathOf(n.Node)
		if name, ok := n.Property.(*ast.StringNode); ok && p != nil {
			p.keys = append(p.keys, name.Value)
			return p
		}
	}
	return nil
}

// isRoot says whether a name stands for JSON whose members are decoded when they are asked for.
func isRoot(name string) bool { return name == "payload" || name == "body" || name == "with" }

// find returns the bytes of what the path leads to; false if it is not there, or not JSON.
func (p *path) find(in *Env) ([]byte, bool) {
	raw := in.root(p.root).json()
	for _, key := range p.keys {
		s := scanner{text: raw}
		if !s.at('{') {
			return nil, false
		}
		raw = nil
		err := s.object(func(k []byte) error {
			value, err := s.raw()
			if string(k) == key {
				raw = value
			}
			return err
		})
		if err != nil || raw == nil {
			return nil, false
		}
	}
	return raw, raw != nil
}
