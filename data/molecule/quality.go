package molecule

// Quality is what many molecules are like, each figure a share of 0 to 1.
type Quality struct {
	// AtomStable is the share of all atoms that are stable, MolStable and Valid
	// those of molecules: see Verdict.
	AtomStable float64 `json:"atom_stable"`
	MolStable  float64 `json:"mol_stable"`
	Valid      float64 `json:"valid"`
	// Unique is the share of different graphs (Canonical) among the valid
	// molecules, Novel that of graphs not known among the different ones.
	Unique float64 `json:"unique"`
	Novel  float64 `json:"novel"`
}

// Graphs are the canonical graphs of molecules.
type Graphs map[string]bool

// Add adds the graph of a molecule with the bonds of the table of distances.
func (g Graphs) Add(m *Molecule) { g[Canonical(m, Bonds(m))] = true }

// Judge measures molecules by bonds from distances. known are the graphs that
// count as not novel, nil for none. No molecules have the quality 0.
func Judge(molecules []Molecule, known Graphs) Quality {
	var q Quality
	var atoms, stableAtoms, stable, valid, novel int
	seen := Graphs{}
	for i := range molecules {
		m := &molecules[i]
		bonds := Bonds(m)
		v := Check(m, bonds)
		atoms += v.Atoms
		stableAtoms += v.StableAtoms
		if v.Stable {
			stable++
		}
		if !v.Valid {
			continue
		}
		valid++
		graph := Canonical(m, bonds)
		if !seen[graph] && !known[graph] {
			novel++
		}
		seen[graph] = true
	}
	q.AtomStable, q.MolStable, q.Valid = share(stableAtoms, atoms), share(stable, len(molecules)), share(valid, len(molecules))
	q.Unique, q.Novel = share(len(seen), valid), share(novel, len(seen))
	return q
}

func share(k, n int) float64 {
	if n == 0 {
		return 0
	}
	return float64(k) / float64(n)
}
