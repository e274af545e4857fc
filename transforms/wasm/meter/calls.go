package meter

import "fmt"

// graph holds the calls between functions and types of functions: an indirect call is an edge to its type, which has edges to the
// functions that it may call. Types are numbered after functions.
type graph struct {
	from  []int32 // by node: its first edge; the last element ends the last node's
	edges []uint32
}

func (g *graph) of(v int32) []uint32 { return g.edges[g.from[v]:g.from[v+1]] }

// components numbers the strongly connected components (Tarjan), callees before callers.
func (g *graph) components() []int32 {
	n := int32(len(g.from)) - 1
	number, low, component := make([]int32, n), make([]int32, n), make([]int32, n)
	type call struct{ v, edge int32 }
	var calls []call
	var stack []int32
	var count, found int32
	for root := range n {
		if number[root] != 0 {
			continue
		}
		calls = append(calls[:0], call{root, 0})
		for len(calls) > 0 {
			c := &calls[len(calls)-1]
			v, edges := c.v, g.of(c.v)
			if c.edge == 0 {
				count++
				number[v], low[v], component[v] = count, count, -1
				stack = append(stack, v)
			}
			if int(c.edge) < len(edges) {
				w := int32(edges[c.edge])
				c.edge++
				if number[w] == 0 {
					calls = append(calls, call{w, 0})
				} else if component[w] == -1 {
					low[v] = min(low[v], number[w])
				}
				continue
			}
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				above := calls[len(calls)-1].v
				low[above] = min(low[above], low[v])
			}
			if low[v] == number[v] {
				for w := int32(-1); w != v; {
					w = stack[len(stack)-1]
					stack = stack[:len(stack)-1]
					component[w] = found
				}
				found++
			}
		}
	}
	return component
}

// summary is what the first scan of a function leaves for the second.
type summary struct {
	cost  int64
	frame int64 // bytes, nominal
	folds bool  // its callers may pay for it, if they can pay for what it calls
}

// callGraph is what the calls of a module say about its functions.
type callGraph struct {
	folded    []int64 // what a function's callers pay for it; 0 if it pays for itself
	folds     []bool
	frames    []int64
	component []int32 // of functions, then of types
	typeNode  []int32 // by type: its node in the graph; equal types share one
	uncounted int64   // bytes of the deepest chain outside cycles
	size      int     // bytes of compiled code, as estimated
}

// analyse scans all functions. It finds the calls that may recur, and the functions that their callers pay for.
func (m *module) analyse() (*callGraph, error) {
	n := len(m.codes)
	g := &callGraph{typeNode: make([]int32, len(m.types))}
	nodes := int32(n)
	known := map[Signature]int32{}
	for i, t := range m.types {
		if _, ok := known[t]; !ok {
			known[t] = nodes
			nodes++
		}
		g.typeNode[i] = known[t]
	}
	all, direct := &graph{}, &graph{}
	summaries := make([]summary, n)
	var sum sums
	var s scanner
	for f := range m.codes {
		if err := m.scan(f, &s); err != nil {
			return nil, fmt.Errorf("%s: %w", m.nameOf(f), err)
		}
		if err := sum.add(&s.flow, len(m.bytes)); err != nil {
			return nil, fmt.Errorf("%s: %w", m.nameOf(f), err)
		}
		summaries[f] = summary{cost: s.cost, frame: s.frame(&m.codes[f]), folds: s.loops+s.bulk == 0 && s.cost <= foldCap}
		all.from = append(all.from, int32(len(all.edges)))
		all.edges = append(all.edges, s.calls...)
		for _, t := range s.indirect {
			all.edges = append(all.edges, uint32(g.typeNode[t]))
		}
		direct.from = append(direct.from, int32(len(direct.edges)))
		if summaries[f].folds {
			direct.edges = append(direct.edges, s.calls...)
		}
	}
	direct.from = append(direct.from, int32(len(direct.edges)))
	m.addTypes(all, g, int(nodes))
	m.fold(g, direct, summaries)
	g.size = sum.size
	g.component = all.components()
	g.measure(all, summaries)
	return g, nil
}

// addTypes adds edges from each type to the functions of that type that a table can refer to.
func (m *module) addTypes(all *graph, g *callGraph, nodes int) {
	targets := make([][]uint32, nodes-len(m.codes))
	for f := range m.codes {
		if index := m.importedFuncs + f; m.taken != nil && m.taken[index] {
			t := int(g.typeNode[m.funcs[index]]) - len(m.codes)
			targets[t] = append(targets[t], uint32(f))
		}
	}
	for _, list := range targets {
		all.from = append(all.from, int32(len(all.edges)))
		all.edges = append(all.edges, list...)
	}
	all.from = append(all.from, int32(len(all.edges)))
}

// byComponent lists the nodes by component, callees first.
func byComponent(component []int32) []int32 {
	count := make([]int32, len(component)+1)
	for _, c := range component {
		count[c+1]++
	}
	for i := 1; i < len(count); i++ {
		count[i] += count[i-1]
	}
	order := make([]int32, len(component))
	for v, c := range component {
		order[count[c]] = int32(v)
		count[c]++
	}
	return order
}

// fold decides which functions their callers pay for: those without loops that cost little, the callees that they pay for
// included. A function that is exported, started or recursive always pays for itself.
func (m *module) fold(g *callGraph, direct *graph, summaries []summary) {
	g.folded, g.folds = make([]int64, len(m.codes)), make([]bool, len(m.codes))
	called := make([]bool, len(m.codes))
	for _, e := range m.exports {
		if e.kind == Func && int(e.index) >= m.importedFuncs {
			called[int(e.index)-m.importedFuncs] = true
		}
	}
	if m.hasStart && int(m.start) >= m.importedFuncs {
		called[int(m.start)-m.importedFuncs] = true
	}
	component := direct.components()
	size := make([]int32, len(component))
	for _, c := range component {
		size[c]++
	}
	for _, f := range byComponent(component) {
		if !summaries[f].folds || called[f] || size[component[f]] > 1 {
			continue
		}
		cost, recursive := summaries[f].cost, false
		for _, callee := range direct.of(f) {
			cost += g.folded[callee]
			recursive = recursive || int32(callee) == f
		}
		if !recursive && cost <= foldCap {
			g.folded[f], g.folds[f] = cost, true
		}
	}
}

// measure finds the deepest chain of frames that is not counted. It has one frame of each component, since calls inside a
// component are counted.
func (g *callGraph) measure(all *graph, summaries []summary) {
	depth := make([]int64, len(g.component)) // by component
	g.frames = make([]int64, len(summaries))
	for _, v := range byComponent(g.component) {
		own := int64(0)
		if int(v) < len(summaries) {
			own = summaries[v].frame
			g.frames[v] = own
		}
		below := int64(0)
		for _, w := range all.of(v) {
			if g.component[w] != g.component[v] {
				below = max(below, depth[g.component[w]])
			}
		}
		depth[g.component[v]] = max(depth[g.component[v]], own+below)
		g.uncounted = max(g.uncounted, own+below)
	}
}

// frame estimates the bytes of stack of a call to the function.
func (f *flow) frame(c *code) int64 {
	return frameBase + frameValue*int64(c.count+c.wide+f.arity) + frameResult*int64(f.values) + frameMerge*int64(f.merges)
}
