// Operators that move elements: copies, cuts, joins, indices.
#include <algorithm>
#include <functional>

#include "operator_call.h"

namespace smelt::program::testing {
namespace {

Values counting(size_t n) {
  Values v(n);
  for (size_t i = 0; i < n; ++i) v[i] = double(i);
  return v;
}

/// The elements of a shape as a function of their index.
Values by_index(const Shape& shape, const std::function<double(const Shape& index)>& f) {
  Values v;
  Shape index = shape;
  for (size_t i = 0; i < shape.numel(); ++i) {
    size_t rest = i;
    for (size_t d = shape.rank(); d-- > 0;) {
      index[d] = int64_t(rest % size_t(shape[d]));
      rest /= size_t(shape[d]);
    }
    v.push_back(f(index));
  }
  return v;
}

constexpr DType kSizes[] = {DType::kS8, DType::kF16, DType::kF32, DType::kS64};

TEST(Permute, AllElementSizes) {
  for (const DType type : kSizes) {
    OperatorCall permute("aten::permute_copy.out");
    permute.tensor(type, {2, 3, 4}, counting(24)).ints({2, 0, -2}).out(type);
    EXPECT_EQ(permute(), by_index({4, 2, 3}, [](const Shape& i) {
                return double(i[1] * 12 + i[2] * 4 + i[0]);
              }));
    EXPECT_EQ(permute.shape(), (Shape{4, 2, 3}));
  }
  OperatorCall twice("aten::permute_copy.out");
  twice.f32({2, 2}, counting(4)).ints({0, 0}).out(DType::kF32);
  EXPECT_FALSE(twice.run());
}

TEST(Permute, ChannelsLastOperands) {
  OperatorCall permute("aten::permute_copy.out");
  permute.tensor(DType::kF32, {1, 2, 2, 3}, counting(12), {0, 2, 3, 1}).ints({0, 3, 1, 2});
  permute.out(DType::kF32, {0, 2, 3, 1});
  EXPECT_EQ(permute(), by_index({1, 3, 2, 2},
                                [](const Shape& i) { return double(i[2] * 6 + i[3] * 3 + i[1]); }));
}

TEST(Transpose, NegativeDimensions) {
  OperatorCall transpose("aten::transpose_copy.int_out");
  transpose.f32({2, 3}, counting(6)).integer(-1).integer(0).out(DType::kF32);
  EXPECT_EQ(transpose(), (Values{0, 3, 1, 4, 2, 5}));
  OperatorCall t("aten::t_copy.out");
  t.f32({2, 3}, counting(6)).out(DType::kF32);
  EXPECT_EQ(t(), (Values{0, 3, 1, 4, 2, 5}));
}

TEST(Expand, RepeatsAndKeeps) {
  OperatorCall expand("aten::expand_copy.out");
  expand.f32({2, 1}, {1, 2}).ints({2, -1, 3}).boolean(false).out(DType::kF32);
  EXPECT_EQ(expand(), (Values{1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2}));
  OperatorCall wrong("aten::expand_copy.out");
  wrong.f32({2}, {1, 2}).ints({3}).boolean(false).out(DType::kF32);
  EXPECT_FALSE(wrong.run());
}

TEST(View, InfersOneExtent) {
  OperatorCall view("aten::view_copy.out");
  view.f32({2, 6}, counting(12)).ints({3, -1, 2}).out(DType::kF32);
  EXPECT_EQ(view(), counting(12));
  EXPECT_EQ(view.shape(), (Shape{3, 2, 2}));
  for (const auto& sizes : {std::initializer_list<int64_t>{5, -1}, {-1, -1}, {11}}) {
    OperatorCall wrong("aten::view_copy.out");
    wrong.f32({2, 6}, counting(12)).ints(sizes).out(DType::kF32);
    EXPECT_FALSE(wrong.run());
  }
}

TEST(Slice, PythonsBounds) {
  const auto slice = [](auto start, auto end, int64_t step) {
    OperatorCall call("aten::slice_copy.Tensor_out");
    call.f32({2, 5}, counting(10)).integer(1);
    for (const std::optional<int64_t>& v :
         {std::optional<int64_t>(start), std::optional<int64_t>(end)}) {
      v ? call.integer(*v) : call.none();
    }
    call.integer(step).out(DType::kF32);
    return call();
  };
  EXPECT_EQ(slice(1, 4, 1), (Values{1, 2, 3, 6, 7, 8}));
  EXPECT_EQ(slice(-2, std::nullopt, 1), (Values{3, 4, 8, 9}));
  EXPECT_EQ(slice(std::nullopt, INT64_MAX, 2), (Values{0, 2, 4, 5, 7, 9}));
  EXPECT_EQ(slice(4, 2, 1), Values());
  EXPECT_EQ(slice(7, 9, 1), Values());
  OperatorCall back("aten::slice_copy.Tensor_out");
  back.f32({3}, counting(3)).integer(0).none().none().integer(-1).out(DType::kF32);
  EXPECT_FALSE(back.run());
}

TEST(Slice, ScatterWritesIntoACopy) {
  OperatorCall slice("aten::slice_scatter.out");
  slice.f32({4}, counting(4)).f32({2}, {10, 20}).integer(0).integer(0).integer(4).integer(2);
  slice.out(DType::kF32);
  EXPECT_EQ(slice(), (Values{10, 1, 20, 3}));
  OperatorCall select("aten::select_scatter.out");
  select.f32({2, 2}, counting(4)).f32({2}, {10, 20}).integer(1).integer(-1).out(DType::kF32);
  EXPECT_EQ(select(), (Values{0, 10, 2, 20}));
}

TEST(Select, DropsADimension) {
  OperatorCall select("aten::select_copy.int_out");
  select.f32({2, 3}, counting(6)).integer(1).integer(-1).out(DType::kF32);
  EXPECT_EQ(select(), (Values{2, 5}));
  EXPECT_EQ(select.shape(), Shape{2});
  OperatorCall beyond("aten::select_copy.int_out");
  beyond.f32({2, 3}, counting(6)).integer(1).integer(3).out(DType::kF32);
  EXPECT_FALSE(beyond.run());
  OperatorCall scalar("aten::select_copy.int_out");
  scalar.f32({}, {1}).integer(0).integer(0).out(DType::kF32);
  EXPECT_FALSE(scalar.run());
}

TEST(Squeeze, DropsOnlyOnes) {
  OperatorCall dims("aten::squeeze_copy.dims_out");
  dims.f32({1, 2, 1, 3}, counting(6)).ints({0, 1, -2}).out(DType::kF32);
  EXPECT_EQ(dims(), counting(6));
  EXPECT_EQ(dims.shape(), (Shape{2, 3}));
  OperatorCall unsqueeze("aten::unsqueeze_copy.out");
  unsqueeze.f32({2, 3}, counting(6)).integer(-1).out(DType::kF32);
  EXPECT_EQ(unsqueeze(), counting(6));
  EXPECT_EQ(unsqueeze.shape(), (Shape{2, 3, 1}));
}

TEST(Join, CatSkipsEmptyTensorsAndConverts) {
  OperatorCall cat("aten::cat.out");
  cat.tensors(
      {{DType::kF32, {2, 1}, {1, 2}}, {DType::kF32, {0}, {}}, {DType::kS32, {2, 2}, {3, 4, 5, 6}}});
  cat.integer(-1).out(DType::kF32);
  EXPECT_EQ(cat(), (Values{1, 3, 4, 2, 5, 6}));
  OperatorCall wrong("aten::cat.out");
  wrong.tensors({{DType::kF32, {2, 1}, {1, 2}}, {DType::kF32, {3, 1}, {1, 2, 3}}}).integer(1);
  wrong.out(DType::kF32);
  EXPECT_FALSE(wrong.run());
  OperatorCall stack("aten::stack.out");
  stack.tensors({{DType::kF32, {2}, {1, 2}}, {DType::kF32, {2}, {3, 4}}}).integer(1);
  stack.out(DType::kF32);
  EXPECT_EQ(stack(), (Values{1, 3, 2, 4}));
}

TEST(Split, EvenUnevenAndListed) {
  OperatorCall even("aten::split_copy.Tensor_out");
  even.f32({5, 2}, counting(10)).integer(2).integer(0).outs(DType::kF32, 3);
  EXPECT_EQ(even(), (Values{0, 1, 2, 3}));
  EXPECT_EQ(even.result(1), (Values{4, 5, 6, 7}));
  EXPECT_EQ(even.result(2), (Values{8, 9}));
  OperatorCall listed("aten::split_with_sizes_copy.out");
  listed.f32({2, 3}, counting(6)).ints({1, 2}).integer(1).outs(DType::kF32, 2);
  EXPECT_EQ(listed(), (Values{0, 3}));
  EXPECT_EQ(listed.result(1), (Values{1, 2, 4, 5}));
  OperatorCall much("aten::split_with_sizes_copy.out");
  much.f32({2, 3}, counting(6)).ints({2, 2}).integer(1).outs(DType::kF32, 2);
  EXPECT_FALSE(much.run());
  OperatorCall unbind("aten::unbind_copy.int_out");
  unbind.f32({2, 2}, counting(4)).integer(1).outs(DType::kF32, 2);
  EXPECT_EQ(unbind(), (Values{0, 2}));
  EXPECT_EQ(unbind.result(1), (Values{1, 3}));
}

TEST(Rearrange, FlipRollRepeat) {
  OperatorCall flip("aten::flip.out");
  flip.f32({2, 3}, counting(6)).ints({-1}).out(DType::kF32);
  EXPECT_EQ(flip(), (Values{2, 1, 0, 5, 4, 3}));
  OperatorCall roll("aten::roll.out");
  roll.f32({2, 3}, counting(6)).ints({1, -1}).ints({0, 1}).out(DType::kF32);
  EXPECT_EQ(roll(), (Values{4, 5, 3, 1, 2, 0}));
  OperatorCall flat("aten::roll.out");
  flat.f32({2, 3}, counting(6)).ints({-8}).ints({}).out(DType::kF32);
  EXPECT_EQ(flat(), (Values{2, 3, 4, 5, 0, 1}));
  OperatorCall repeat("aten::repeat.out");
  repeat.f32({2, 2}, counting(4)).ints({2, 1, 3}).out(DType::kF32);
  EXPECT_EQ(repeat(),
            by_index({2, 2, 6}, [](const Shape& i) { return double(i[1] * 2 + i[2] % 2); }));
  OperatorCall interleave("aten::repeat_interleave.Tensor_out");
  interleave.s64({3}, {2, 0, 3}).none().out(DType::kS64);
  EXPECT_EQ(interleave(), (Values{0, 0, 2, 2, 2}));
}

TEST(Rearrange, DiagonalUnfoldStrided) {
  OperatorCall above("aten::diagonal_copy.out");
  above.f32({3, 4}, counting(12)).integer(1).integer(0).integer(1).out(DType::kF32);
  EXPECT_EQ(above(), (Values{1, 6, 11}));
  OperatorCall below("aten::diagonal_copy.out");
  below.f32({2, 3, 3}, counting(18)).integer(-2).integer(1).integer(2).out(DType::kF32);
  EXPECT_EQ(below(), (Values{6, 15}));
  OperatorCall unfold("aten::unfold_copy.out");
  unfold.f32({2, 5}, counting(10)).integer(1).integer(3).integer(2).out(DType::kF32);
  EXPECT_EQ(unfold(), (Values{0, 1, 2, 2, 3, 4, 5, 6, 7, 7, 8, 9}));
  OperatorCall strided("aten::as_strided_copy.out");
  strided.f32({6}, counting(6)).ints({2, 3}).ints({1, 2}).integer(0).out(DType::kF32);
  EXPECT_EQ(strided(), (Values{0, 2, 4, 1, 3, 5}));
  OperatorCall beyond("aten::as_strided_copy.out");
  beyond.f32({6}, counting(6)).ints({2, 3}).ints({1, 2}).integer(1).out(DType::kF32);
  EXPECT_FALSE(beyond.run());
}

TEST(Rearrange, PixelsShuffleAndBack) {
  const Values x = counting(2 * 4 * 2 * 3);
  OperatorCall shuffle("aten::pixel_shuffle.out");
  shuffle.f32({2, 4, 2, 3}, x).integer(2).out(DType::kF32);
  const Values shuffled = shuffle();
  EXPECT_EQ(shuffled, by_index({2, 1, 4, 6}, [](const Shape& i) {
              const int64_t c = i[2] % 2 * 2 + i[3] % 2;
              return double(i[0] * 24 + c * 6 + i[2] / 2 * 3 + i[3] / 2);
            }));
  OperatorCall back("aten::pixel_unshuffle.out");
  back.f32({2, 1, 4, 6}, shuffled).integer(2).out(DType::kF32);
  EXPECT_EQ(back(), x);
}

TEST(Rearrange, LowerTriangle) {
  OperatorCall tril("aten::tril.out");
  tril.f32({2, 3, 3}, Values(18, 1)).integer(-1).out(DType::kF32);
  EXPECT_EQ(tril(), by_index({2, 3, 3}, [](const Shape& i) { return double(i[2] <= i[1] - 1); }));
}

TEST(Pad, ConstantReflectedReplicated) {
  OperatorCall constant("aten::constant_pad_nd.out");
  constant.f32({2, 2}, {1, 2, 3, 4}).ints({1, -1, 0, 1}).real(9).out(DType::kF32);
  EXPECT_EQ(constant(), (Values{9, 1, 9, 3, 9, 9}));
  OperatorCall reflect("aten::reflection_pad1d.out");
  reflect.f32({1, 4}, counting(4)).ints({2, 3}).out(DType::kF32);
  EXPECT_EQ(reflect(), (Values{2, 1, 0, 1, 2, 3, 2, 1, 0}));
  OperatorCall wide("aten::reflection_pad1d.out");
  wide.f32({1, 4}, counting(4)).ints({4, 0}).out(DType::kF32);
  EXPECT_FALSE(wide.run());
  OperatorCall replicate("aten::replication_pad2d.out");
  replicate.f32({1, 2, 2}, {1, 2, 3, 4}).ints({1, 0, 0, 2}).out(DType::kF32);
  EXPECT_EQ(replicate(), (Values{1, 1, 2, 3, 3, 4, 3, 3, 4, 3, 3, 4}));
}

TEST(Index, TensorsBroadcastAndMasksCount) {
  OperatorCall pairs("aten::index.Tensor_out");
  pairs.f32({3, 4}, counting(12));
  pairs.tensors({{DType::kS64, {2, 1}, {0, -1}}, {DType::kS64, {2}, {1, 3}}}).out(DType::kF32);
  EXPECT_EQ(pairs(), (Values{1, 3, 9, 11}));
  EXPECT_EQ(pairs.shape(), (Shape{2, 2}));
  OperatorCall rows("aten::index.Tensor_out");
  rows.f32({3, 2, 2}, counting(12));
  rows.tensors({{{}, {}, {}, false}, {DType::kS64, {3}, {1, 0, 1}}}).out(DType::kF32);
  EXPECT_EQ(rows(), by_index({3, 3, 2}, [](const Shape& i) {
              return double(i[0] * 4 + (i[1] == 1 ? 0 : 2) + i[2]);
            }));
  OperatorCall mask("aten::index.Tensor_out");
  mask.f32({2, 3}, counting(6)).tensors({{DType::kBool, {2, 3}, {0, 1, 0, 1, 0, 1}}});
  mask.out(DType::kF32);
  EXPECT_EQ(mask(), (Values{1, 3, 5}));
  OperatorCall beyond("aten::index.Tensor_out");
  beyond.f32({3}, counting(3)).tensors({{DType::kS64, {1}, {3}}}).out(DType::kF32);
  EXPECT_FALSE(beyond.run());
}

TEST(Index, SeparatedIndicesComeFirst) {
  // x[[0, 1], :, [0, 2]] of [2, 2, 3]: the common dimension moves to the front.
  OperatorCall call("aten::index.Tensor_out");
  call.f32({2, 2, 3}, counting(12));
  call.tensors({{DType::kS64, {2}, {0, 1}}, {{}, {}, {}, false}, {DType::kS64, {2}, {0, 2}}});
  call.out(DType::kF32);
  EXPECT_EQ(call(), (Values{0, 3, 8, 11}));
  EXPECT_EQ(call.shape(), (Shape{2, 2}));
}

TEST(Index, PutReplacesOrAdds) {
  OperatorCall put("aten::index_put.out");
  put.f32({3, 2}, counting(6)).tensors({{DType::kS64, {2}, {2, 0}}}).f32({2}, {10, 20});
  put.boolean(false).out(DType::kF32);
  EXPECT_EQ(put(), (Values{10, 20, 2, 3, 10, 20}));
  OperatorCall add("aten::index_put.out");
  add.f32({3}, {1, 1, 1}).tensors({{DType::kS64, {3}, {0, 0, 2}}}).f32({3}, {1, 2, 4});
  add.boolean(true).out(DType::kF32);
  EXPECT_EQ(add(), (Values{4, 1, 5}));
}

TEST(Index, GatherScatterSelect) {
  OperatorCall gather("aten::gather.out");
  gather.f32({2, 3}, counting(6)).integer(1).s64({2, 2}, {2, 0, 1, 1}).boolean(false);
  gather.out(DType::kF32);
  EXPECT_EQ(gather(), (Values{2, 0, 4, 4}));
  OperatorCall scatter("aten::scatter.src_out");
  scatter.f32({2, 3}, Values(6)).integer(-1).s64({2, 1}, {2, 0}).f32({2, 2}, {5, 6, 7, 8});
  scatter.out(DType::kF32);
  EXPECT_EQ(scatter(), (Values{0, 0, 5, 7, 0, 0}));
  OperatorCall value("aten::scatter.value_out");
  value.f32({3}, {1, 2, 3}).integer(0).s64({2}, {0, 2}).integer(9).out(DType::kF32);
  EXPECT_EQ(value(), (Values{9, 2, 9}));
  OperatorCall add("aten::scatter_add.out");
  add.s64({3}, {1, 2, 3}).integer(0).s64({3}, {1, 1, 0}).s64({3}, {10, 20, 30}).out(DType::kS64);
  EXPECT_EQ(add(), (Values{31, 32, 3}));
  OperatorCall select("aten::index_select.out");
  select.f32({2, 3}, counting(6)).integer(1).tensor(DType::kS32, {2}, {2, 0}).out(DType::kF32);
  EXPECT_EQ(select(), (Values{2, 0, 5, 3}));
  OperatorCall embedding("aten::embedding.out");
  embedding.f32({3, 2}, counting(6)).s64({1, 2}, {2, 0}).integer(-1).boolean(false).boolean(false);
  embedding.out(DType::kF32);
  EXPECT_EQ(embedding(), (Values{4, 5, 0, 1}));
  EXPECT_EQ(embedding.shape(), (Shape{1, 2, 2}));
  OperatorCall outside("aten::embedding.out");
  outside.f32({3, 2}, counting(6)).s64({1}, {3}).integer(-1).boolean(false).boolean(false);
  outside.out(DType::kF32);
  EXPECT_FALSE(outside.run());
}

TEST(Index, Masks) {
  OperatorCall select("aten::masked_select.out");
  select.f32({2, 3}, counting(6)).flags({3}, {1, 0, 1}).out(DType::kF32);
  EXPECT_EQ(select(), (Values{0, 2, 3, 5}));
  OperatorCall scatter("aten::masked_scatter.out");
  scatter.f32({4}, counting(4)).flags({4}, {0, 1, 0, 1}).f32({3}, {7, 8, 9}).out(DType::kF32);
  EXPECT_EQ(scatter(), (Values{0, 7, 2, 8}));
  OperatorCall few("aten::masked_scatter.out");
  few.f32({2}, {0, 0}).flags({2}, {1, 1}).f32({1}, {7}).out(DType::kF32);
  EXPECT_FALSE(few.run());
  OperatorCall nonzero("aten::nonzero.out");
  nonzero.f32({2, 2}, {0, 0.5, -1, 0}).out(DType::kS64);
  EXPECT_EQ(nonzero(), (Values{0, 1, 1, 0}));
  EXPECT_EQ(nonzero.shape(), (Shape{2, 2}));
}

}  // namespace
}  // namespace smelt::program::testing
