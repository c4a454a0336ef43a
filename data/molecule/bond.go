package molecule

// lengths are the usual lengths of single, double and triple bonds in
// hundredths of an ångström, 0 for none: the tables that Hoogeboom et al. (2022,
// Equivariant Diffusion for Molecule Generation in 3D, appendix E) judge
// molecules by, of which these are the elements of organic molecules.
var lengths = map[[2]Element][3]int{
	{H, H}: {74}, {H, C}: {109}, {H, N}: {101}, {H, O}: {96}, {H, F}: {92}, {H, P}: {144}, {H, S}: {134}, {H, Cl}: {127},
	{C, C}: {154, 134, 120}, {C, N}: {147, 129, 116}, {C, O}: {143, 120, 113}, {C, F}: {135}, {C, P}: {184}, {C, S}: {182, 160}, {C, Cl}: {177},
	{N, N}: {145, 125, 110}, {N, O}: {140, 121}, {N, F}: {136}, {N, P}: {177}, {N, S}: {168}, {N, Cl}: {175},
	{O, O}: {148, 121}, {O, F}: {142}, {O, P}: {163, 150}, {O, S}: {151, 143}, {O, Cl}: {164},
	{F, F}: {142}, {F, P}: {156}, {F, S}: {158}, {F, Cl}: {166},
	{P, P}: {221}, {P, S}: {210, 186}, {P, Cl}: {203},
	{S, S}: {204}, {S, Cl}: {207},
	{Cl, Cl}: {199},
}

// margins is by how much a bond of each order may be longer than usual.
var margins = [3]int{10, 5, 3}

// OrderAt is the order of the bond between atoms of two elements at a distance in
// ångström, 0 for none: the highest order whose usual length, with its margin of
// 0.10, 0.05 or 0.03, exceeds the distance, and of the orders below it all do.
// Pairs of elements that are not in the table have no bonds.
func OrderAt(a, b Element, distance float64) int {
	if a > b {
		a, b = b, a
	}
	order := 0
	for k, usual := range lengths[[2]Element{a, b}] {
		if usual == 0 || 100*distance >= float64(usual+margins[k]) {
			break
		}
		order = k + 1
	}
	return order
}

// Bonds finds the bonds of a molecule from its distances (OrderAt). The result is
// not nil, so that it can be told from bonds that are not known.
func Bonds(m *Molecule) []Bond {
	out := []Bond{}
	for j := range m.Len() {
		for i := range j {
			if order := OrderAt(m.Elements[i], m.Elements[j], m.distance(i, j)); order > 0 {
				out = append(out, Bond{i, j, order})
			}
		}
	}
	return out
}

// Known reports whether the table of bonds and that of valences know the element.
func Known(e Element) bool { return valences[e] != nil }
