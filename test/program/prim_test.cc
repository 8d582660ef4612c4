#include <cmath>

#include "operator_call.h"

namespace smelt::program::testing {
namespace {

/// Runs an operator on numbers and returns the number that it writes.
EValue compute(const char* name, std::initializer_list<double> reals,
               std::initializer_list<int64_t> integers) {
  OperatorCall call(name);
  for (const double v : reals) call.real(v);
  for (const int64_t v : integers) call.integer(v);
  call.integer(0);
  const auto ran = call.run();
  EXPECT_TRUE(ran) << name;
  return call.argument(reals.size() + integers.size());
}

int64_t on_integers(const char* name, std::initializer_list<int64_t> v) {
  const EValue r = compute(name, {}, v);
  EXPECT_TRUE(r.kind == Kind::kInt || r.kind == Kind::kBool) << name;
  return r.to_int();
}

TEST(Prim, IntegersStayIntegers) {
  EXPECT_EQ(on_integers("executorch_prim::add.Scalar", {2, 3}), 5);
  EXPECT_EQ(on_integers("executorch_prim::sub.Scalar", {2, 3}), -1);
  EXPECT_EQ(on_integers("executorch_prim::mul.Scalar", {2, 3}), 6);
  EXPECT_EQ(on_integers("executorch_prim::floordiv.Scalar", {-7, 2}), -4);
  EXPECT_EQ(on_integers("executorch_prim::floordiv.int", {-7, 2}), -3);
  EXPECT_EQ(on_integers("executorch_prim::floordiv.Scalar", {INT64_MIN, -1}), INT64_MIN);
  EXPECT_EQ(on_integers("executorch_prim::mod.Scalar", {7, 3}), 1);
  EXPECT_EQ(on_integers("executorch_prim::sym_max.Scalar", {7, 3}), 7);
  EXPECT_EQ(on_integers("executorch_prim::sym_min.Scalar", {7, 3}), 3);
  EXPECT_EQ(on_integers("executorch_prim::lt.Scalar", {7, 3}), 0);
  EXPECT_EQ(on_integers("executorch_prim::ge.Scalar", {7, 7}), 1);
  EXPECT_EQ(on_integers("executorch_prim::ne.Scalar", {7, 7}), 0);
  EXPECT_EQ(on_integers("executorch_prim::neg.Scalar", {7}), -7);
  EXPECT_EQ(on_integers("executorch_prim::sym_not.Scalar", {0}), 1);
}

TEST(Prim, OneRealMakesTheResultReal) {
  const EValue sum = compute("executorch_prim::add.Scalar", {0.5}, {2});
  EXPECT_EQ(sum.kind, Kind::kDouble);
  EXPECT_EQ(sum.real, 2.5);
  EXPECT_EQ(compute("executorch_prim::truediv.Scalar", {}, {1, 4}).real, 0.25);
  EXPECT_EQ(compute("executorch_prim::floordiv.Scalar", {-7.5, 2}, {}).real, -4);
  EXPECT_EQ(compute("executorch_prim::sym_float.Scalar", {}, {3}).kind, Kind::kDouble);
  EXPECT_EQ(compute("executorch_prim::ceil.Scalar", {1.25}, {}).integer, 2);
  EXPECT_EQ(compute("executorch_prim::round.Scalar", {2.5}, {}).integer, 2);
  EXPECT_EQ(compute("executorch_prim::trunc.Scalar", {-1.75}, {}).integer, -1);
}

TEST(Prim, ChoosesOneOfTwo) {
  OperatorCall choose("executorch_prim::sym_ite.Scalar");
  choose.boolean(false).integer(1).real(2.5).integer(0);
  ASSERT_TRUE(choose.run());
  EXPECT_EQ(choose.argument(3).kind, Kind::kDouble);
  EXPECT_EQ(choose.argument(3).real, 2.5);
}

TEST(Prim, ErrorsInsteadOfTraps) {
  for (const char* name : {"executorch_prim::floordiv.Scalar", "executorch_prim::floordiv.int",
                           "executorch_prim::mod.Scalar"}) {
    OperatorCall zero(name);
    zero.integer(1).integer(0).integer(0);
    EXPECT_FALSE(zero.run()) << name;
  }
  OperatorCall infinite("executorch_prim::ceil.Scalar");
  infinite.real(INFINITY).integer(0);
  EXPECT_FALSE(infinite.run());
}

TEST(Prim, ShapesAndElements) {
  OperatorCall size("aten::sym_size.int");
  size.f32({2, 3}, Values(6)).integer(-1).integer(0);
  ASSERT_TRUE(size.run());
  EXPECT_EQ(size.argument(2).integer, 3);
  OperatorCall beyond("aten::sym_size.int");
  beyond.f32({2, 3}, Values(6)).integer(2).integer(0);
  EXPECT_FALSE(beyond.run());
  OperatorCall count("aten::sym_numel");
  count.f32({2, 3}, Values(6)).integer(0);
  ASSERT_TRUE(count.run());
  EXPECT_EQ(count.argument(1).integer, 6);
  OperatorCall element("aten::_local_scalar_dense");
  element.tensor(DType::kF16, {1}, {1.5}).integer(0);
  ASSERT_TRUE(element.run());
  EXPECT_EQ(element.argument(1).real, 1.5);
  OperatorCall none("aten::_local_scalar_dense");
  none.f32({0}, {}).integer(0);
  EXPECT_FALSE(none.run());
}

TEST(Prim, CopyIndexFillsATensorItemByItem) {
  OperatorCall copy("executorch_prim::et_copy_index.tensor");
  copy.f32({3, 2}, Values(6)).f32({2}, {1, 2}).integer(1);
  ASSERT_TRUE(copy.run());
  EXPECT_EQ(OperatorCall::elements(*copy.argument(0).tensor), (Values{0, 0, 1, 2, 0, 0}));
  OperatorCall beyond("executorch_prim::et_copy_index.tensor");
  beyond.f32({3, 2}, Values(6)).f32({2}, {1, 2}).integer(3);
  EXPECT_FALSE(beyond.run());
}

}  // namespace
}  // namespace smelt::program::testing
