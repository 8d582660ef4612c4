// Operators that index, pad and resize by indices, around the borders between runs, rows and single
// elements.
#include "operator_cases.h"

namespace smelt::program::testing {
namespace {

constexpr DType kSizes[] = {DType::kU8, DType::kF16, DType::kF32, DType::kS64};

Array counted(DType t, const Shape& shape) {
  return Array::make(t, shape, [](size_t i) { return double(i % 251) / 2; });
}
Array indices(const Shape& shape, int64_t extent, const std::function<int64_t(int64_t)>& f) {
  return Array::make(DType::kS64, shape, [&](size_t i) {
    return double(((f(int64_t(i)) % extent) + extent) % extent);
  });
}

void expect_same(const Array& got, const Array& wanted, std::string_view what) {
  ASSERT_EQ(got.shape, wanted.shape) << what;
  for (size_t i = 0; i < wanted.v.size(); ++i)
    ASSERT_EQ(got.v[i], wanted.v[i]) << what << ", element " << i;
}

/// Ways to walk through a dimension: each kind of run, and none.
const std::function<int64_t(int64_t)> kWalks[] = {
    [](int64_t i) { return i; },                // one run
    [](int64_t i) { return i / 2; },            // upsampling
    [](int64_t i) { return std::abs(i - 3); },  // a reflected border
    [](int64_t i) { return i * 7 + 3; },        // nothing in order
    [](int64_t i) { return i - 20; },           // a roll
    [](int64_t) { return 5; },                  // all alike
};

TEST(SelectedRuns, OneDimensionOfThree) {
  for (const DType t : kSizes) {
    const Array x = counted(t, {3, 23, 5});
    for (size_t walk = 0; walk < std::size(kWalks); ++walk) {
      for (const int64_t n : {0, 1, 2, 15, 16, 17, 46, 100}) {
        for (size_t dim = 0; dim < 3; ++dim) {
          const Array at = indices({n}, x.shape[dim], kWalks[walk]);
          Shape shape = x.shape;
          shape[dim] = n;
          Array wanted = counted(t, shape);
          for_each_index(shape, [&](const Index& i) {
            Index from = i;
            from[dim] = int64_t(at.v[size_t(i[dim])]);
            wanted(i) = x(from);
          });
          const std::string what = fmt::format("walk {}, {} of dimension {}", walk, n, dim);
          std::vector<const Array*> list(dim, nullptr);
          list.push_back(&at);
          OperatorProgram index("aten::index.Tensor_out");
          expect_same(index.tensor(x).optional_tensors(list).out(t)(), wanted, what);
          OperatorProgram select("aten::index_select.out");
          expect_same(select.tensor(x).integer(int64_t(dim)).tensor(at).out(t)(), wanted, what);
        }
      }
    }
  }
}

TEST(SelectedRuns, GridsOfTwoDimensions) {
  for (const DType t : kSizes) {
    const Array x = counted(t, {2, 3, 17, 29});
    for (const auto& rows : kWalks) {
      for (const auto& cols : kWalks) {
        const Array h = indices({34, 1}, 17, rows), w = indices({58}, 29, cols);
        Array wanted = counted(t, {2, 3, 34, 58});
        for_each_index(wanted.shape, [&](const Index& i) {
          wanted(i) = x({i[0], i[1], int64_t(h.v[size_t(i[2])]), int64_t(w.v[size_t(i[3])])});
        });
        OperatorProgram index("aten::index.Tensor_out");
        expect_same(index.tensor(x).optional_tensors({nullptr, nullptr, &h, &w}).out(t)(), wanted,
                    "grid");
      }
    }
    // Leading dimensions leave runs; dimensions that are apart do not.
    const Array a = indices({4, 1}, 2, kWalks[3]), b = indices({5}, 3, kWalks[3]);
    Array leading = counted(t, {4, 5, 17, 29});
    for_each_index(leading.shape, [&](const Index& i) {
      leading(i) = x({int64_t(a.v[size_t(i[0])]), int64_t(b.v[size_t(i[1])]), i[2], i[3]});
    });
    OperatorProgram first("aten::index.Tensor_out");
    expect_same(first.tensor(x).optional_tensors({&a, &b}).out(t)(), leading, "leading");
    Array apart = counted(t, {4, 5, 3, 29});
    for_each_index(apart.shape, [&](const Index& i) {
      apart(i) = x({int64_t(a.v[size_t(i[0])]), i[2], int64_t(b.v[size_t(i[1])]), i[3]});
    });
    OperatorProgram gaps("aten::index.Tensor_out");
    expect_same(gaps.tensor(x).optional_tensors({&a, nullptr, &b}).out(t)(), apart, "apart");
  }
}

TEST(SelectedRuns, ScalarsAndNothing) {
  const Array x = counted(DType::kF32, {4, 6});
  const Array two(DType::kS64, {}, {2}), last(DType::kS64, {}, {-1});
  OperatorProgram row("aten::index.Tensor_out");
  expect_same(row.tensor(x).optional_tensors({&two}).out(DType::kF32)(),
              Array(DType::kF32, {6}, {x.v.begin() + 12, x.v.begin() + 18}), "a row");
  OperatorProgram one("aten::index.Tensor_out");
  expect_same(one.tensor(x).optional_tensors({&two, &last}).out(DType::kF32)(),
              Array(DType::kF32, {}, {x.v[17]}), "an element");
  const Array none(DType::kS64, {0}, {});
  OperatorProgram nothing("aten::index.Tensor_out");
  expect_same(nothing.tensor(x).optional_tensors({&none}).out(DType::kF32)(),
              Array(DType::kF32, {0, 6}, {}), "nothing");
}

TEST(SelectedRuns, AreWrittenAndAddedInOrder) {
  for (const DType t : {DType::kF32, DType::kF16, DType::kS64, DType::kS32}) {
    for (const bool sum : {false, true}) {
      const Array x = counted(t, {2, 9, 7});
      const Array rows = indices({6, 1}, 9, kWalks[1]), cols = indices({5}, 7, kWalks[3]);
      const Array values = counted(t, {2, 6, 5});
      Array wanted = x;
      for_each_index(values.shape, [&](const Index& i) {
        double& to = wanted({i[0], int64_t(rows.v[size_t(i[1])]), int64_t(cols.v[size_t(i[2])])});
        to = stored(t, (sum ? to : 0) + values(i));
      });
      OperatorProgram put("aten::index_put.out");
      put.tensor(x).optional_tensors({nullptr, &rows, &cols}).tensor(values).boolean(sum);
      expect_same(put.out(t)(), wanted, "put");
      const Array lines = counted(t, {6, 7}), at = indices({6}, 9, kWalks[1]);
      Array plane = counted(t, {9, 7}), changed = plane;
      for_each_index(lines.shape, [&](const Index& i) {
        double& to = changed({int64_t(at.v[size_t(i[0])]), i[1]});
        to = stored(t, (sum ? to : 0) + lines(i));
      });
      OperatorProgram runs("aten::index_put.out");
      runs.tensor(plane).optional_tensors({&at}).tensor(lines).boolean(sum);
      expect_same(runs.out(t)(), changed, "lines");
    }
  }
}

TEST(SelectedRuns, GatherAndScatterAlongEachDimension) {
  const Shape shape{5, 6, 7};
  for (const DType t : kSizes) {
    const Array x = counted(t, shape);
    for (size_t dim = 0; dim < 3; ++dim) {
      Shape index_shape{4, 5, 6};
      index_shape[dim] = 9;
      const Array at = indices(index_shape, shape[dim], kWalks[3]);
      Array gathered = counted(t, index_shape), added = x;
      const Array source = counted(t, {9, 9, 9});
      for_each_index(index_shape, [&](const Index& i) {
        Index there = i;
        there[dim] = int64_t(at(i));
        gathered(i) = x(there);
        added(there) = stored(t, added(there) + source(i));
      });
      OperatorProgram gather("aten::gather.out");
      gather.tensor(x).integer(int64_t(dim)).tensor(at).boolean(false);
      expect_same(gather.out(t)(), gathered, "gather");
      OperatorProgram add("aten::scatter_add.out");
      expect_same(add.tensor(x).integer(int64_t(dim)).tensor(at).tensor(source).out(t)(), added,
                  "scatter_add");
    }
  }
  OperatorProgram outside("aten::gather.out");
  outside.tensor(counted(DType::kF32, {3, 4})).integer(1);
  outside.tensor(Array(DType::kS64, {1, 2}, {0, 4})).boolean(false).out(DType::kF32);
  const auto status = outside.run();
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("index 4"), std::string::npos) << status.error().message;
}

TEST(SelectedRuns, BordersOfEveryWidth) {
  for (const DType t : kSizes) {
    for (const auto& [left, right] : {std::pair<int64_t, int64_t>{0, 0},
                                      {3, 0},
                                      {0, 16},
                                      {19, 18},
                                      {-4, 2},
                                      {2, -7},
                                      {-3, -5}}) {
      const Array x = counted(t, {2, 4, 20});
      const int64_t width = 20 + left + right;
      Array reflected = counted(t, {2, 4 + 2, width}), repeated = reflected;
      for_each_index(reflected.shape, [&, low = left](const Index& i) {
        const int64_t row = i[1] - 1, col = i[2] - low;
        const auto mirror = [](int64_t k, int64_t n) {
          return k < 0 ? -k : k >= n ? 2 * (n - 1) - k : k;
        };
        reflected(i) = x({i[0], mirror(row, 4), mirror(col, 20)});
        repeated(i) = x({i[0], std::clamp<int64_t>(row, 0, 3), std::clamp<int64_t>(col, 0, 19)});
      });
      OperatorProgram reflect("aten::reflection_pad2d.out");
      expect_same(reflect.tensor(x).ints({left, right, 1, 1}).out(t)(), reflected, "reflected");
      OperatorProgram replicate("aten::replication_pad2d.out");
      expect_same(replicate.tensor(x).ints({left, right, 1, 1}).out(t)(), repeated, "replicated");
    }
  }
}

TEST(SelectedRuns, NearestPixels) {
  for (const DType t : kSizes) {
    for (const auto& [h, w] :
         {std::pair<int64_t, int64_t>{10, 14}, {5, 7}, {3, 4}, {15, 63}, {1, 1}}) {
      const Array x = counted(t, {2, 3, 5, 7});
      Array wanted = counted(t, {2, 3, h, w});
      for_each_index(wanted.shape, [&, oh = h, ow = w](const Index& i) {
        wanted(i) = x({i[0], i[1], i[2] * 5 / oh, i[3] * 7 / ow});
      });
      OperatorProgram nearest("aten::upsample_nearest2d.vec_out");
      expect_same(nearest.tensor(x).ints({h, w}).none().out(t)(), wanted, "nearest");
    }
  }
}

}  // namespace
}  // namespace smelt::program::testing
