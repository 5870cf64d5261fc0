# What stands in for the bases of the images; stand-ins.sh makes its context.

FROM scratch AS deepstream
ADD root.tar /
# With security updates, as Debian's own images have them.
COPY sources.list /etc/apt/sources.list
CMD ["bash"]

FROM deepstream AS node
COPY local/ /usr/local/
