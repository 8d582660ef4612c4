// Copies of whole tensors, to other types and orders.
#include "program/operators/copy.h"

#include "program/operators/complex.h"

namespace smelt::program {
namespace {

template <size_t Out>
Status clone(Call& call) {
  const bool converts = call.tensor(0).dtype != call.tensor(Out).dtype;
  const std::string_view kernel = converts ? call.vectors().name : std::string_view();
  if (call.copies() == nullptr && call.decided(kernel)) return {};
  return copy_all(call, call.tensor(Out), Strided(call.tensor(0)));
}

/// copy.out(self, src): self gives the shape only.
Status copy_out(Call& call) {
  const Tensor &self = call.tensor(0), &src = call.tensor(1);
  Tensor& out = call.tensor(3);
  SMELT_ASSIGN(const Shape shape, broadcast_shapes(self.shape, src.shape));
  if (!(shape == self.shape)) {
    return invalid("{} does not broadcast to {}", to_string(src.shape), to_string(self.shape));
  }
  return copy_all(call, out, broadcast(Strided(src), shape));
}

Status copy_in_place(Call& call) {
  Tensor& self = call.tensor(0);
  const Tensor& src = call.tensor(1);
  SMELT_ASSIGN(const Shape shape, broadcast_shapes(self.shape, src.shape));
  if (!(shape == self.shape)) {
    return invalid("{} does not broadcast to {}", to_string(src.shape), to_string(self.shape));
  }
  if (src.data != self.data) copy(call, Strided(self), broadcast(Strided(src), shape));
  return {};
}

constexpr Operator kOperators[] = {
    choosing(copying({"aten::_to_copy.out", "TBiW", clone<3>, true})),
    copying({"aten::alias_copy.out", "TW", clone<1>, true}),
    copying({"aten::clone.out", "TiW", clone<2>, true}),
    moving({"aten::copy.out", "TTBW", copy_out, true}),
    moving({"aten::copy_", "UTB", copy_in_place, true}),
    copying({"aten::detach_copy.out", "TW", clone<1>, true}),
    copying({"aten::lift_fresh_copy.out", "TW", clone<1>, true}),
    choosing(copying({"dim_order_ops::_clone_dim_order.out", "TBlW", clone<3>, true})),
    choosing(copying({"dim_order_ops::_to_dim_order_copy.out", "TBlW", clone<3>, true})),
    moving({"aten::view_as_complex_copy.out", "TW", complex_of_pairs, true}),
    moving({"aten::view_as_real_copy.out", "TW", complex_as_reals, true}),
    copying({"et_copy::_d2h_copy.out", "TW", clone<1>, true}),
    copying({"et_copy::_h2d_copy.out", "TW", clone<1>, true}),
};
constexpr auto kTable = of_category(Category::kDataMovement, kOperators);

}  // namespace

std::span<const Operator> copy_operators() { return kTable; }

}  // namespace smelt::program
