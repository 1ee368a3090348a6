// Resources in guest memory, and the dma-bufs that the VMM and the GPU get of them.
#include <atomic>
#include <thread>

#include "blob/memfd.h"
#include "tests/support/guest_memory.h"

#include "vmm_fixture.h"

namespace viaduct::test {
namespace {

constexpr uint32_t kDmabuf = VIRGL_RENDERER_BLOB_FD_TYPE_DMABUF;

/// Passes calls on to a kernel that outlives the renderer.
class Borrowed : public UdmabufDevice {
  public:
    explicit Borrowed(PlayedUdmabuf& kernel) : kernel_(kernel) {}
    int create_list(udmabuf_create_list& list) override { return kernel_.create_list(list); }
    UdmabufLimits limits() const override { return kernel_.limits(); }

  private:
    PlayedUdmabuf& kernel_;
};

class GuestBlobs : public Vmm {
  protected:
    GuestBlobs() {
        virgl_set_log_callback(
            [](virgl_log_level_flags level, const char* text, void* data) {
                if (level >= VIRGL_LOG_LEVEL_WARNING)
                    static_cast<std::vector<std::string>*>(data)->emplace_back(text);
            },
            &lines, nullptr);
        use_descriptors(100);
    }
    ~GuestBlobs() override {
        replace_instance(nullptr);
        virgl_set_log_callback(nullptr, nullptr, nullptr);
    }

    /// A renderer whose VM may use so many descriptors.
    void use_descriptors(uint64_t count) {
        UsageLimits limits;
        limits.descriptors = static_cast<uint32_t>(count);
        replace_instance(std::make_unique<Renderer>(
            gpu.factory(), std::make_unique<SoftwareOnly>(), VmUsage::create(limits),
            [this]() -> Result<std::unique_ptr<UdmabufDevice>> {
                ++opened;
                if (no_device) return fail(ENOENT, "no udmabuf here");
                return std::make_unique<Borrowed>(kernel);
            }));
        EXPECT_EQ(init(), 0);
        EXPECT_EQ(native_context(1), 0);
    }
    int guest_blob(uint32_t id, std::vector<iovec>& entries, uint64_t size, uint32_t flags = 0) {
        const virgl_renderer_resource_create_blob_args args{id,
                                                            0,
                                                            VIRGL_RENDERER_BLOB_MEM_GUEST,
                                                            flags,
                                                            0,
                                                            size,
                                                            entries.data(),
                                                            static_cast<uint32_t>(entries.size())};
        return virgl_renderer_resource_create_blob(&args);
    }
    /// As QEMU asks after each creation.
    static int info_fd(uint32_t id) {
        virgl_renderer_resource_info info{};
        EXPECT_EQ(virgl_renderer_resource_get_info(static_cast<int>(id), &info), 0);
        return info.fd;
    }
    static UniqueFd exported(uint32_t id, uint32_t* type) {
        int fd = -1;
        return UniqueFd(virgl_renderer_resource_export_blob(id, type, &fd) == 0 ? fd : -1);
    }
    static std::byte first_byte(int fd) {
        return Mapping::map_shared(fd, 0, kPage).value().bytes()[0];
    }
    size_t lines_with(std::string_view text) const {
        return static_cast<size_t>(std::ranges::count_if(
            lines, [&](const std::string& line) { return line.find(text) != line.npos; }));
    }

    PlayedUdmabuf kernel;
    bool no_device = false;
    int opened = 0;
    std::vector<std::string> lines;
    GuestMemory memory{16};
    std::vector<iovec> entries{memory.pages(5, 1), memory.pages(2, 1)};
};

TEST_F(GuestBlobs, AreDmabufsForTheVmm) {
    ASSERT_EQ(guest_blob(5, entries, 2 * kPage), 0);
    EXPECT_EQ(kernel.calls, 0) << "only for those who ask";
    const int fd = info_fd(5);
    ASSERT_GE(fd, 0);
    EXPECT_EQ(first_byte(fd), std::byte{5});
    EXPECT_EQ(object_size(fd).value(), 2 * kPage);
    uint32_t type = 0;
    const UniqueFd copy = exported(5, &type);
    ASSERT_TRUE(copy);
    EXPECT_EQ(type, kDmabuf);
    EXPECT_EQ(info_fd(5), fd);
    virgl_renderer_resource_info_ext extended{};
    EXPECT_EQ(virgl_renderer_resource_get_info_ext(5, &extended), 0);
    EXPECT_EQ(extended.base.fd, fd);
    EXPECT_EQ(kernel.calls, 1) << "one per resource: two would share no fences";
    EXPECT_EQ(opened, 1);
    EXPECT_TRUE(lines.empty());
}

TEST_F(GuestBlobs, ReachTheGpu) {
    ASSERT_EQ(guest_blob(5, entries, 2 * kPage), 0);
    virgl_renderer_ctx_attach_resource(1, 5);
    const auto& attached = gpu.context(1).attached;
    ASSERT_EQ(attached.size(), 1U);
    EXPECT_EQ(attached.at(ResourceId(5))->get(), info_fd(5))
        << "the same one: the display sees its fences";
    EXPECT_EQ(kernel.calls, 1);
}

// virtio-gpu's proposed feature CREATE_GUEST_HANDLE.
TEST_F(GuestBlobs, WithAHandleAreDmabufsAtOnce) {
    constexpr uint32_t kHandle = 8;
    ASSERT_EQ(guest_blob(5, entries, 2 * kPage, kMappable | kHandle), 0);
    EXPECT_EQ(kernel.calls, 1);
    virgl_renderer_ctx_attach_resource(1, 5);
    ASSERT_EQ(gpu.context(1).attached.size(), 1U);
    EXPECT_EQ(first_byte(gpu.context(1).attached.at(ResourceId(5))->get()), std::byte{5});
    EXPECT_EQ(kernel.calls, 1);
    EXPECT_TRUE(lines.empty());

    no_device = true;
    use_descriptors(100);
    EXPECT_EQ(guest_blob(6, entries, 2 * kPage, kHandle), -ENOENT);
    EXPECT_EQ(lines_with("blob flag 0x8): no udmabuf here"), 1U) << "the guest does not copy";
    no_device = false;
    EXPECT_EQ(guest_blob(6, entries, 2 * kPage, kHandle), 0);
}

TEST_F(GuestBlobs, HaveTheDmabufThatTheVmmMade) {
    ASSERT_EQ(guest_blob(5, entries, 2 * kPage), 0);
    UniqueFd short_one = create_sealed_memfd("test", kPage).value();
    EXPECT_EQ(virgl_renderer_resource_set_guest_dmabuf(5, short_one.get()), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_set_guest_dmabuf(6, short_one.get()), -EINVAL);
    EXPECT_EQ(virgl_renderer_resource_set_guest_dmabuf(5, -1), -EINVAL);
    EXPECT_EQ(object_size(short_one.get()).value(), kPage) << "still the caller's";

    const int fd = create_sealed_memfd("test", 2 * kPage).value().release();
    ASSERT_EQ(virgl_renderer_resource_set_guest_dmabuf(5, fd), 0);
    EXPECT_EQ(info_fd(5), fd);
    virgl_renderer_ctx_attach_resource(1, 5);
    EXPECT_EQ(gpu.context(1).attached.at(ResourceId(5))->get(), fd);
    EXPECT_EQ(kernel.calls, 0) << "none of ours beside it";

    UniqueFd second = create_sealed_memfd("test", 2 * kPage).value();
    EXPECT_EQ(virgl_renderer_resource_set_guest_dmabuf(5, second.get()), -EINVAL);
    iovec* back = nullptr;
    int count = 0;
    virgl_renderer_resource_detach_iov(5, &back, &count);
    EXPECT_EQ(back, entries.data()) << "the resource has its iovecs still";
    EXPECT_EQ(info_fd(5), -1) << "of memory that is gone";
    virgl_renderer_resource_unref(5);
    gpu.context(1).attached.clear();
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1) << "closed with its resource";
}

TEST_F(GuestBlobs, TakeNoDmabufBesideTheirOwn) {
    ASSERT_EQ(guest_blob(5, entries, 2 * kPage), 0);
    const int own = info_fd(5);
    UniqueFd late = create_sealed_memfd("test", 2 * kPage).value();
    EXPECT_EQ(virgl_renderer_resource_set_guest_dmabuf(5, late.get()), -EINVAL);
    EXPECT_EQ(info_fd(5), own);
    EXPECT_EQ(lines_with("has a dma-buf already"), 1U);
}

TEST_F(GuestBlobs, TakeNoDmabufBeyondTheVmsDescriptors) {
    use_descriptors(1);
    ASSERT_EQ(guest_blob(5, entries, 2 * kPage), 0);
    EXPECT_NE(info_fd(5), -1);
    ASSERT_EQ(guest_blob(7, entries, 2 * kPage), 0);
    UniqueFd late = create_sealed_memfd("test", 2 * kPage).value();
    EXPECT_EQ(virgl_renderer_resource_set_guest_dmabuf(7, late.get()), -ENOMEM);
}

TEST_F(GuestBlobs, StayAsTheyAreWithoutUdmabuf) {
    no_device = true;
    for (uint32_t id = 5; id < 14; ++id) {
        ASSERT_EQ(guest_blob(id, entries, 2 * kPage), 0);
        EXPECT_EQ(info_fd(id), -1);
        EXPECT_EQ(info_fd(id), -1);
        uint32_t type = 0;
        EXPECT_FALSE(exported(id, &type));
    }
    EXPECT_EQ(opened, 9) << "once per resource";
    EXPECT_EQ(lines_with("no udmabuf here"), 1U);
    no_device = false;
    ASSERT_EQ(guest_blob(14, entries, 2 * kPage), 0);
    EXPECT_GE(info_fd(14), 0) << "the module was loaded meanwhile";
}

TEST_F(GuestBlobs, InPrivateMemoryHaveNoDmabuf) {
    std::vector<char> heap(3 * kPage);
    std::vector<iovec> outside{{heap.data(), heap.size()}};
    ASSERT_EQ(guest_blob(5, outside, kPage), 0);
    EXPECT_EQ(info_fd(5), -1);
    EXPECT_EQ(kernel.calls, 0);
    EXPECT_EQ(lines.size(), 1U);
}

TEST_F(GuestBlobs, OverALimitHaveNoDmabuf) {
    kernel.limit.entries = 1;
    ASSERT_EQ(guest_blob(5, entries, 2 * kPage), 0);
    EXPECT_EQ(info_fd(5), -1);
    EXPECT_EQ(lines_with("list_limit"), 1U);
    kernel.limit.entries = 2;
    EXPECT_EQ(info_fd(5), -1) << "asked once";
}

TEST_F(GuestBlobs, AreBookedAsDescriptors) {
    use_descriptors(1);
    ASSERT_EQ(guest_blob(5, entries, 2 * kPage), 0);
    ASSERT_EQ(guest_blob(6, entries, 2 * kPage), 0);
    EXPECT_GE(info_fd(5), 0);
    EXPECT_EQ(info_fd(6), -1);
    virgl_renderer_resource_unref(5);
    ASSERT_EQ(guest_blob(7, entries, 2 * kPage), 0);
    EXPECT_GE(info_fd(7), 0) << "its descriptor is free again";
}

TEST_F(GuestBlobs, KeepTheNumberThatTheVmmHasAfterTheirMemoryIsGone) {
    ASSERT_EQ(guest_blob(5, entries, 2 * kPage), 0);
    const int fd = info_fd(5);
    ASSERT_GE(fd, 0);
    virgl_renderer_resource_detach_iov(5, nullptr, nullptr);
    EXPECT_EQ(info_fd(5), -1);
    EXPECT_EQ(first_byte(fd), std::byte{5}) << "not another file under this number";
    std::vector<iovec> others{memory.pages(9, 2)};
    ASSERT_EQ(virgl_renderer_resource_attach_iov(5, others.data(), 1), 0);
    EXPECT_EQ(info_fd(5), -1) << "that one has other memory";
    EXPECT_EQ(kernel.calls, 1);
    virgl_renderer_resource_unref(5);
    EXPECT_EQ(::fcntl(fd, F_GETFD), -1) << "released with the resource";
}

TEST_F(GuestBlobs, MayGetTheirMemoryLater) {
    ASSERT_EQ(guest_blob(5, entries, 2 * kPage), 0);
    virgl_renderer_resource_detach_iov(5, nullptr, nullptr);
    EXPECT_EQ(info_fd(5), -1);
    std::vector<iovec> others{memory.pages(9, 2)};
    ASSERT_EQ(virgl_renderer_resource_attach_iov(5, others.data(), 1), 0);
    ASSERT_GE(info_fd(5), 0);
    EXPECT_EQ(first_byte(info_fd(5)), std::byte{9});
}

TEST_F(GuestBlobs, MayGetOtherMemoryMeanwhile) {
    ASSERT_EQ(guest_blob(5, entries, 2 * kPage), 0);
    kernel.during = [this] {
        virgl_renderer_resource_detach_iov(5, nullptr, nullptr);
        entries = {memory.pages(9, 1), memory.pages(11, 1)};  // in the same array
        ASSERT_EQ(virgl_renderer_resource_attach_iov(5, entries.data(), 2), 0);
    };
    EXPECT_EQ(info_fd(5), -1) << "made of memory that is gone";
    ASSERT_GE(info_fd(5), 0);
    EXPECT_EQ(first_byte(info_fd(5)), std::byte{9});
}

// attach_iov() does not compare the memory with the resource's size.
TEST_F(GuestBlobs, WithLessMemoryThanTheirSizeHaveNoDmabuf) {
    ASSERT_EQ(guest_blob(5, entries, 2 * kPage), 0);
    virgl_renderer_resource_detach_iov(5, nullptr, nullptr);
    std::vector<iovec> few{memory.pages(9, 1)};
    ASSERT_EQ(virgl_renderer_resource_attach_iov(5, few.data(), 1), 0);
    EXPECT_EQ(info_fd(5), -1);
}

// For the sanitizers, and for descriptors that leak.
TEST_F(GuestBlobs, MayBeDestroyedMeanwhile) {
    std::atomic<bool> done{false};
    std::thread asker([&] {
        while (!done) {
            virgl_renderer_resource_info info{};
            virgl_renderer_resource_get_info(5, &info);
            uint32_t type = 0;
            exported(5, &type);
            virgl_renderer_ctx_attach_resource(1, 5);
        }
    });
    for (int i = 0; i < 200; ++i) {
        auto array = std::make_unique<std::vector<iovec>>(entries);
        ASSERT_EQ(guest_blob(5, *array, 2 * kPage), 0);
        info_fd(5);
        virgl_renderer_resource_detach_iov(5, nullptr, nullptr);
        array.reset();
        virgl_renderer_resource_unref(5);
    }
    done = true;
    asker.join();
    gpu.context(1).attached.clear();
    use_descriptors(1);
    ASSERT_EQ(guest_blob(5, entries, 2 * kPage), 0);
    EXPECT_GE(info_fd(5), 0);
}

}  // namespace
}  // namespace viaduct::test
